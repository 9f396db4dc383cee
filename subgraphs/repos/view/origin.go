package view

import (
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// origin is what the URL of a remote tells about a repository.
type origin struct {
	host  string // without port
	owner string // may have several parts, as GitLab's groups do; may be empty
	name  string
	web   string // the page one could visit, without credentials; empty where there is none
}

// scpForm is the short form of an ssh address: [user@]host:path. A host of one letter is a drive.
var scpForm = regexp.MustCompile(`^(?:[^@/\s]+@)?([A-Za-z0-9][A-Za-z0-9.-]+):([^\s]+)$`)

// hostForm is a name in the domain name system, or an address of version 4 or 6.
var hostForm = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+)$`)

// parseOrigin reads the URL of a remote; false where it leads to no host, as a path does. User names, passwords, queries and
// fragments are dropped: they may be secret. An ssh address gives the web page that the common forges have for it.
func parseOrigin(text string) (origin, bool) {
	var o origin
	var way string
	scheme, port := "https", ""
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		switch u.Scheme {
		case "https", "ssh", "git", "git+ssh", "ssh+git":
		case "http":
			scheme = "http"
		default:
			return origin{}, false
		}
		o.host, way = u.Hostname(), u.Path
		if u.Scheme == "http" || u.Scheme == "https" { // an ssh port says nothing about the web
			port = u.Port()
		}
	} else if m := scpForm.FindStringSubmatch(text); m != nil && !strings.Contains(text, "://") && !strings.Contains(text, "::") {
		o.host, way = m[1], m[2]
	} else {
		return origin{}, false
	}
	way = strings.Trim(path.Clean("/"+way), "/")
	way = strings.Trim(strings.TrimSuffix(way, ".git"), "/") // "x.git" is bare, "x/.git" the inside of a checkout
	if way == "" || !utf8.ValidString(way) || strings.ContainsFunc(way, unicode.IsControl) || !hostForm.MatchString(o.host) {
		return origin{}, false
	}
	o.host = strings.ToLower(o.host)
	o.owner, o.name = path.Split(way)
	o.owner = strings.Trim(o.owner, "/")
	if strings.HasPrefix(way, "~") { // a home folder on a machine, not a page
		return o, true
	}
	host := o.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" {
		host += ":" + port
	}
	o.web = (&url.URL{Scheme: scheme, Host: host, Path: "/" + way}).String()
	return o, true
}
