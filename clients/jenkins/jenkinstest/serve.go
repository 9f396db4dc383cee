package jenkinstest

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"callboard.dev/callboard/clients/clientstest"
)

// call is one request under way. The world is locked while it is answered.
type call struct {
	*beans
	w      http.ResponseWriter
	r      *http.Request
	viewer *User // nil for nobody
	token  bool  // who came with an API token
}

// held is an answer that is written once the world is no longer locked: who reads slowly must not stop others.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *held) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *held) Write(p []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(p)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	h := &held{ResponseWriter: w}
	s.reply(h, r)
	h.WriteHeader(http.StatusOK)
	w.WriteHeader(h.status)
	if r.Method != http.MethodHead && h.body.Len() > 0 {
		_, _ = w.Write(h.body.Bytes())
	}
}

// reply answers one request: who asks, whether that may be, and then what is at the path.
func (s *Server) reply(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	c := &call{beans: &beans{Server: s, now: s.world.clock}, w: w, r: r}
	root := s.settings.Address
	if root == "" {
		root = "http://" + r.Host
		if r.TLS != nil || r.URL.Scheme == "https" {
			root = "https://" + r.Host
		}
	}
	c.root = strings.TrimRight(root, "/") + "/"
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Hudson", "1.395")
	h.Set("X-Jenkins", s.settings.Version)
	h.Set("X-Jenkins-Session", hex.EncodeToString(s.salt[:4]))
	if !c.authenticate() {
		return
	}
	prefix := ""
	if u, err := url.Parse(c.root); err == nil {
		prefix = strings.TrimRight(u.EscapedPath(), "/")
	}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix+"/")
	if !ok {
		c.fail(http.StatusNotFound, "")
		return
	}
	if c.viewer == nil && !s.settings.Anonymous {
		h.Set("X-You-Are-Authenticated-As", "anonymous")
		h.Set("X-Required-Permission", "hudson.model.Hudson.Read")
		c.page(http.StatusForbidden, "<html><head><meta http-equiv='refresh' content='1;url="+prefix+"/login?from="+url.QueryEscape(r.URL.RequestURI())+
			"'/></head><body style='background-color:white; color:white;'>Authentication required</body></html>")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && !c.crumbed() {
		c.fail(http.StatusForbidden, "No valid crumb was included in the request")
		return
	}
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		if parts[i], _ = url.PathUnescape(part); parts[i] == ".." {
			c.fail(http.StatusBadRequest, "")
			return
		}
	}
	c.walk(s.world.top, "", parts)
}

// authenticate finds out who asks. It answers itself where that is somebody it does not know.
func (c *call) authenticate() bool {
	id, secret, ok := c.r.BasicAuth()
	if !ok {
		for _, cookie := range c.r.Cookies() {
			if user := c.world.sessions[cookie.Value]; strings.HasPrefix(cookie.Name, "JSESSIONID.") && user != "" {
				c.viewer = new(c.world.user(user))
			}
		}
		return true
	}
	for _, u := range c.world.users {
		same := func(known string) bool { return known != "" && hmac.Equal([]byte(known), []byte(secret)) }
		if u.ID == id && (same(u.Token) || same(u.Password)) {
			c.viewer, c.token = &u, same(u.Token)
			return true
		}
	}
	c.w.Header().Set("WWW-Authenticate", `Basic realm="Jenkins"`)
	c.fail(http.StatusUnauthorized, "Invalid password/token for user: "+id)
	return false
}

func (c *call) name() string {
	if c.viewer == nil {
		return "anonymous"
	}
	return c.viewer.ID
}

// crumb returns the crumb of the viewer in a session.
func (c *call) crumb(session string) string {
	mac := hmac.New(sha256.New, c.salt[:])
	mac.Write([]byte(c.name() + ";" + session))
	return hex.EncodeToString(mac.Sum(nil))
}

// crumbed reports whether a request that changes something may be believed to be meant by who seems to make it.
func (c *call) crumbed() bool {
	if c.settings.Unprotected || c.token {
		return true
	}
	sent := c.r.Header.Get("Jenkins-Crumb")
	for _, cookie := range c.r.Cookies() {
		if _, known := c.world.sessions[cookie.Value]; known && hmac.Equal([]byte(sent), []byte(c.crumb(cookie.Value))) {
			return true
		}
	}
	return false
}

// issueCrumb answers with a crumb, in a session that begins where there is none.
func (c *call) issueCrumb() {
	if c.settings.Unprotected {
		c.fail(http.StatusNotFound, "")
		return
	}
	session := ""
	for _, cookie := range c.r.Cookies() {
		if user, known := c.world.sessions[cookie.Value]; known && user == c.name() {
			session = cookie.Value
		}
	}
	if session == "" {
		var random [16]byte
		_, _ = rand.Read(random[:])
		session = "node0" + hex.EncodeToString(random[:]) + ".node0"
		const most = 1000
		if len(c.world.sessions) >= most {
			clear(c.world.sessions)
		}
		c.world.sessions[session] = c.name()
		http.SetCookie(c.w, &http.Cookie{Name: "JSESSIONID." + hex.EncodeToString(c.salt[:4]), Value: session, Path: "/", HttpOnly: true})
	}
	c.api((&bean{class: "hudson.security.csrf.DefaultCrumbIssuer"}).add(1, "crumb", c.crumb(session), "crumbRequestField", "Jenkins-Crumb"), []string{"api", "json"})
}

// walk finds what is at a path below a folder. route is what the requests to it have in common.
func (c *call) walk(at *item, route string, parts []string) {
	for len(parts) >= 2 && parts[0] == "job" {
		if at.parent == nil || at.isFolder() {
			next := at.child(parts[1])
			if next == nil {
				c.route("/job/{job}/...")
				c.fail(http.StatusNotFound, "")
				return
			}
			at, parts, route = next, parts[2:], "/job/{job}"
			continue
		}
		break
	}
	switch {
	case at.parent == nil:
		c.serveTop(parts)
	case len(parts) == 0:
		c.route(route)
		http.Redirect(c.w, c.r, c.r.URL.EscapedPath()+"/", http.StatusFound)
	default:
		c.serveJob(at, route, parts)
	}
}

// route notes what a request is for, for Watch.
func (c *call) route(path string) { c.r.Pattern = c.r.Method + " " + path }

func (c *call) serveTop(parts []string) {
	path := strings.Join(parts, "/")
	c.route("/" + path)
	switch {
	case path == "":
		c.html("Dashboard [Jenkins]")
	case path == "api/json":
		c.api(c.top(), parts)
	case path == "crumbIssuer/api/json":
		c.issueCrumb()
	case path == "me/api/json" && c.viewer != nil:
		c.api((&bean{class: "hudson.model.User"}).add(always, "absoluteUrl", c.root+"user/"+c.viewer.ID).add(1, "description", nil).
			add(always, "fullName", c.viewer.FullName).add(always, "id", c.viewer.ID).add(1, "property", []*bean{}), parts)
	case path == "queue/api/json":
		list := []*bean{}
		for _, e := range c.world.queue {
			if e.waits() {
				list = append(list, c.item(e))
			}
		}
		c.api((&bean{class: "hudson.model.Queue"}).add(1, "discoverableItems", []*bean{}, "items", list), parts)
	case path == "queue/cancelItem":
		c.cancel()
	case path == "pluginManager/api/json":
		list := []*bean{}
		for _, name := range []string{"cloudbees-folder", Coverage, "git", "junit", Metrics, Notification, StageView, "workflow-job"} {
			if c.has(name) {
				list = append(list, (&bean{}).add(2, "active", true, "enabled", true, "longName", name, "shortName", name, "version", "1"))
			}
		}
		c.api((&bean{class: "hudson.LocalPluginManager"}).add(2, "plugins", list), parts)
	case len(parts) >= 5 && parts[0] == "queue" && parts[1] == "item" && strings.Join(parts[3:], "/") == "api/json":
		c.route("/queue/item/{id}/api/json")
		for _, e := range c.world.queue {
			if strconv.FormatInt(e.id, 10) == parts[2] {
				c.api(c.item(e), parts)
				return
			}
		}
		c.fail(http.StatusNotFound, "")
	default:
		c.fail(http.StatusNotFound, "")
	}
}

func (c *call) serveJob(i *item, route string, parts []string) {
	path := strings.Join(parts, "/")
	if !i.isFolder() {
		if b := i.find(parts[0], c); b != nil {
			if len(parts) == 1 {
				c.route(route + "/{build}")
				http.Redirect(c.w, c.r, c.r.URL.EscapedPath()+"/", http.StatusFound)
				return
			}
			c.serveBuild(b, route+"/{build}", parts[1:])
			return
		}
	}
	c.route(route + "/" + path)
	switch {
	case path == "":
		c.html(i.fullTitle())
	case path == "api/json":
		c.api(c.job(i), parts)
	case i.isFolder():
		c.fail(http.StatusNotFound, "")
	case path == "build" || path == "buildWithParameters":
		c.start(i, path == "buildWithParameters")
	case path == "enable" || path == "disable":
		if c.changes("Job/Configure") {
			i.Disabled = path == "disable"
			c.back(c.root + i.path())
		}
	case strings.HasPrefix(path, "wfapi") && i.kind == Pipeline && c.has(StageView):
		c.serveJobStages(i, parts[1:])
	default:
		if _, err := strconv.Atoi(parts[0]); err == nil {
			c.route(route + "/{build}/...")
		}
		c.fail(http.StatusNotFound, "")
	}
}

// find returns a build of a job by its number or a permalink, nil where there is none.
func (i *item) find(name string, c *call) *build {
	for _, p := range permalinks {
		if p.name == name {
			return i.pick(func(b *build) bool { return p.is(b, c.now) }, true)
		}
	}
	for _, b := range i.builds {
		if strconv.Itoa(b.number) == name {
			return b
		}
	}
	return nil
}

func (c *call) serveBuild(b *build, route string, parts []string) {
	path := strings.Join(parts, "/")
	c.route(route + "/" + path)
	pipeline := b.job.kind == Pipeline
	switch {
	case path == "":
		c.html(b.job.fullTitle() + " #" + strconv.Itoa(b.number))
	case path == "api/json":
		c.api(c.build(b), parts)
	case path == "consoleText":
		c.text(shown(b.log(c.now)))
	case path == "logText/progressiveText":
		c.progressive(b.log(c.now), !b.runs(c.now))
	case path == "stop" || path == "term" || path == "kill":
		c.stop(b)
	case path == "doDelete":
		c.remove(b)
	case path == "replay/rebuild" && pipeline:
		c.replay(b)
	case path == "testReport/api/json":
		c.tests(b, parts)
	case strings.HasSuffix(path, "/api/json") && (parts[0] == "coverage" || parts[0] == "cobertura" || parts[0] == "jacoco"):
		c.coverage(b, parts[0], parts)
	case parts[0] == "artifact" && len(parts) > 1:
		c.route(route + "/artifact/{path}")
		c.artifact(b, strings.Join(parts[1:], "/"))
	case parts[0] == "input" && len(parts) == 3 && pipeline:
		c.route(route + "/input/{id}/" + parts[2])
		c.answer(b, parts[1], parts[2])
	case parts[0] == "wfapi" && pipeline && c.has(StageView):
		c.serveBuildStages(b, parts[1:])
	case parts[0] == "execution" && len(parts) > 3 && parts[1] == "node" && pipeline && c.has(StageView):
		c.route(route + "/execution/node/{node}/" + strings.Join(parts[3:], "/"))
		c.serveNode(b, parts[2], strings.Join(parts[3:], "/"))
	default:
		c.fail(http.StatusNotFound, "")
	}
}

// api answers with a bean as JSON, pruned as the request says.
func (c *call) api(b *bean, parts []string) {
	query := c.r.URL.Query()
	p, err := prunerOf(query.Get("tree"), query.Get("depth"))
	if err != nil {
		c.fail(http.StatusInternalServerError, "") // Stapler throws where it cannot read what it is asked
		return
	}
	var out bytes.Buffer
	b.write(&out, p)
	c.w.Header().Set("Content-Type", "application/json;charset=utf-8")
	_, _ = c.w.Write(out.Bytes())
}

// json answers with JSON that is no bean's.
func (c *call) json(value any) {
	c.w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_, _ = c.w.Write(clientstest.JSON(value))
}

func (c *call) text(text string) {
	c.w.Header().Set("Content-Type", "text/plain;charset=utf-8")
	_, _ = c.w.Write([]byte(text))
}

// page answers with a web page.
func (c *call) page(status int, text string) {
	c.w.Header().Set("Content-Type", "text/html;charset=utf-8")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write([]byte(text))
}

func (c *call) html(title string) {
	c.page(http.StatusOK, "<!DOCTYPE html><html><head><title>"+html.EscapeString(title)+"</title></head><body><h1>"+html.EscapeString(title)+"</h1></body></html>")
}

// fail answers with an error, as the page of Jenkins' web server has it.
func (c *call) fail(status int, reason string) {
	if reason == "" {
		reason = http.StatusText(status)
	}
	text := fmt.Sprintf("HTTP ERROR %d %s", status, html.EscapeString(reason))
	if status == http.StatusInternalServerError {
		text = "Oops! A problem occurred while processing the request."
	}
	c.page(status, "<html><head><title>Error "+strconv.Itoa(status)+"</title></head><body><h2>"+text+"</h2><table><tr><th>URI:</th><td>"+
		html.EscapeString(c.r.URL.Path)+"</td></tr></table></body></html>")
}

// back leads the browser to a page, as Jenkins does after what it was told to do.
func (c *call) back(to string) {
	c.w.Header().Set("Location", to)
	c.w.WriteHeader(http.StatusFound)
}

// changes reports whether the request may change something, and answers where it may not.
func (c *call) changes(permission string) bool {
	switch {
	case c.r.Method != http.MethodPost:
		c.w.Header().Set("Allow", "POST")
		c.page(http.StatusMethodNotAllowed, "<html><body>This URL requires POST</body></html>")
		return false
	case c.viewer == nil || !c.viewer.Build:
		c.fail(http.StatusForbidden, c.name()+" is missing the "+permission+" permission")
		return false
	}
	return true
}
