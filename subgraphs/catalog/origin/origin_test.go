package origin_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git/gittest"
	"callboard.dev/callboard/clients/github"
	"callboard.dev/callboard/clients/github/githubtest"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/clients/gitlab/gitlabtest"
	"callboard.dev/callboard/subgraphs/catalog/origin"
	"callboard.dev/callboard/subgraphs/catalog/remote"
)

const (
	player = "kind: Component\nmetadata:\n  name: player\n"
	search = "kind: API\nspec:\n  definition:\n    $text: ./api.yaml\n"
	api    = "openapi: 3.1.0\n"
)

// site is a host with three repositories of the group larkfold: player with a catalog file, search, whose default branch is release/2.x, with one and
// what it includes, and notes without. There is one more of somebody else.
type site struct {
	*origin.Origin
	web    string // ends in a slash
	blob   string // between a repository and a branch
	trees  string // the route of lists of files
	groups []string
	faults *clientstest.Faults
	watch  *clientstest.Watch
	work   gittest.Workshop
}

// bearer adds a credential, as the transport does.
type bearer struct {
	header, value string
	next          http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(b.header, b.value)
	return b.next.RoundTrip(r)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func repositories(t testing.TB) gittest.Workshop {
	w := gittest.New(t)
	for name, files := range map[string][]string{
		"player": {"catalog-info.yaml", player}, "search": {"catalog-info.yaml", search, "api.yaml", api}, "notes": {"a.md", "A\n"}, "other": {"catalog-info.yaml", "kind: X\n"},
	} {
		w.Checkout(name)
		for i := 0; i < len(files); i += 2 {
			w.Write(name+"/"+files[i], files[i+1])
		}
		w.Commit(name, "Start")
	}
	w.Git("search", "branch", "-m", "main", "release/2.x")
	return w
}

func newGitHub(t testing.TB) *site {
	t.Helper()
	s := &site{web: "https://github.com/", blob: "/blob/", trees: "GET /repos/{owner}/{name}/git/trees/{oid}", work: repositories(t), groups: []string{"Larkfold"}}
	g, err := githubtest.New(t.Context(), githubtest.Settings{Folders: []string{s.work.Dir}})
	must(t, err)
	t.Cleanup(g.Close)
	for _, login := range []string{"ada", "ben"} {
		_, err = g.AddUser(githubtest.User{Login: login})
		must(t, err)
	}
	_, err = g.AddOrganization(githubtest.Organization{Login: "larkfold"}, []string{"ada"}, nil)
	must(t, err)
	must(t, g.AddToken("token", githubtest.Token{Login: "ada"}))
	for _, name := range []string{"player", "search", "notes", "other"} {
		owner := "larkfold"
		if name == "other" {
			owner = "ben"
		}
		_, err = g.AddRepository(t.Context(), githubtest.Repository{OwnerLogin: owner, Name: name, Folder: s.work.Path(name)})
		must(t, err)
	}
	s.faults, s.watch = &g.Faults, &g.Watch
	web, err := url.Parse("https://github.com")
	must(t, err)
	client, err := github.New("github.com", web, &http.Client{Transport: bearer{"Authorization", "Bearer token", clientstest.Transport{Handler: g}}})
	must(t, err)
	s.Origin = origin.GitHub(origin.Config{Name: "github.com", Web: web, Groups: s.groups, File: "catalog-info.yaml"}, client)
	return s
}

func newGitLab(t testing.TB) *site {
	t.Helper()
	s := &site{web: "https://git.example/lab/", blob: "/-/blob/", trees: "GET /api/v4/projects/{id}/repository/tree", work: repositories(t), groups: []string{"larkfold"}}
	g, err := gitlabtest.New(t.Context(), gitlabtest.Settings{Folders: []string{s.work.Dir}})
	must(t, err)
	t.Cleanup(g.Close)
	must(t, g.AddUser(gitlabtest.User{Username: "ada"}))
	must(t, g.AddToken(gitlabtest.Token{Value: "token", Username: "ada"}))
	members := []gitlabtest.Member{{Username: "ada", Access: gitlabtest.Developer}}
	for _, group := range []string{"larkfold", "larkfold/web", "other"} {
		must(t, g.AddGroup(gitlabtest.Group{Path: group, Members: members}))
	}
	paths, err := g.Repositories(t.Context())
	must(t, err)
	for _, path := range paths {
		name := path[strings.LastIndexByte(path, '/')+1:]
		where := map[string]string{"player": "larkfold/player", "search": "larkfold/search", "notes": "larkfold/web/notes", "other": "other/other"}[name]
		must(t, g.AddProject(t.Context(), gitlabtest.Project{Path: where, Repository: path}))
	}
	s.faults, s.watch = &g.Faults, &g.Watch
	web, err := url.Parse("https://git.example/lab")
	must(t, err)
	client, err := gitlab.New("git.example", &url.URL{Scheme: "https", Host: "git.example"}, &http.Client{Transport: bearer{"PRIVATE-TOKEN", "token", clientstest.Transport{Handler: g}}})
	must(t, err)
	s.Origin = origin.GitLab(origin.Config{Name: "git.example", Web: web, Groups: append(s.groups, "larkfold/web"), File: "catalog-info.yaml"}, client)
	return s
}

func both(t *testing.T, run func(t *testing.T, s *site)) {
	t.Run("GitHub", func(t *testing.T) { run(t, newGitHub(t)) })
	t.Run("GitLab", func(t *testing.T) { run(t, newGitLab(t)) })
}

// at is the address of a file of the site.
func (s *site) at(repository, branch, file string) string {
	return s.web + "larkfold/" + repository + s.blob + branch + "/" + file
}

func (s *site) search(ctx context.Context, t *testing.T, known map[string]string) map[string]remote.File {
	t.Helper()
	files, err := s.Files(ctx, known)
	must(t, err)
	return byURL(t, files)
}

func byURL(t *testing.T, files []remote.File) map[string]remote.File {
	t.Helper()
	out := map[string]remote.File{}
	for _, f := range files {
		if _, twice := out[f.URL]; twice {
			t.Errorf("%s is said twice", f.URL)
		}
		out[f.URL] = f
	}
	return out
}

func TestSearch(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		found := s.search(t.Context(), t, nil)
		first, second := s.at("player", "main", "catalog-info.yaml"), s.at("search", "release/2.x", "catalog-info.yaml")
		if len(found) != 2 || string(found[first].Text) != player || string(found[second].Text) != search {
			t.Fatalf("found %+v", found)
		}
		if root := found[second].Root; root != s.at("search", "release/2.x", "") {
			t.Errorf("files may be included from %s", root)
		}
		known := map[string]string{first: found[first].Validator, second: found[second].Validator}

		// What is known is not sent again.
		s.watch.Reset()
		again := s.search(t.Context(), t, known)
		if !again[first].Unchanged || !again[second].Unchanged || again[first].Text != nil {
			t.Errorf("known files came again: %+v", again)
		}

		// What has changed is.
		s.work.Write("player/catalog-info.yaml", player+"  title: Player\n")
		s.work.Commit("player", "Say its title")
		s.work.Git("search", "rm", "-q", "catalog-info.yaml")
		s.work.Commit("search", "Take it out of the catalog")
		changed := s.search(t.Context(), t, known)
		if len(changed) != 1 || string(changed[first].Text) != player+"  title: Player\n" || changed[first].Validator == known[first] {
			t.Errorf("after changes: %+v", changed)
		}
	})
}

func TestRead(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		s.search(t.Context(), t, nil) // tells the default branches
		there, gone := s.at("search", "release/2.x", "api.yaml"), s.at("search", "release/2.x", "no/such.yaml")
		wanted := map[string]string{there: "", gone: ""}
		for _, address := range s.refused() {
			wanted[address] = ""
		}
		files, err := s.Read(t.Context(), wanted)
		must(t, err)
		read := byURL(t, files)
		if len(read) != len(wanted) || string(read[there].Text) != api {
			t.Errorf("read %+v", read)
		}
		if !errors.Is(read[gone].Err, fs.ErrNotExist) {
			t.Errorf("what is not there: %v", read[gone].Err)
		}
		for _, address := range s.refused() {
			if err := read[address].Err; err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", address, err)
			}
		}
		files, err = s.Read(t.Context(), map[string]string{there: read[there].Validator})
		must(t, err)
		if len(files) != 1 || !files[0].Unchanged {
			t.Errorf("read again: %+v", files)
		}
	})
}

// refused are addresses that must not be asked for.
func (s *site) refused() []string {
	return []string{
		"https://169.254.169.254/larkfold/player" + s.blob + "main/catalog-info.yaml",
		"http" + strings.TrimPrefix(s.web, "https") + "larkfold/player" + s.blob + "main/catalog-info.yaml",
		s.web + "other/other" + s.blob + "main/catalog-info.yaml",
		s.web + "larkfold/player" + s.blob + "main/../../../other/other" + s.blob + "main/catalog-info.yaml",
		s.web + "larkfold/player" + s.blob + "other-branch/catalog-info.yaml",
		s.web + "larkfold/player/wiki",
	}
}

// A host that is down, or keeps a part of its answer back, takes no file away.
func TestNothingIsGoneThatWasNotSaid(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		known := map[string]string{}
		for url, f := range s.search(t.Context(), t, nil) {
			known[url] = f.Validator
		}
		for name, fault := range map[string]clientstest.Fault{
			"down":       {Kind: clientstest.Down},
			"status":     {Kind: clientstest.Status, Status: http.StatusServiceUnavailable},
			"wrong type": {Kind: clientstest.WrongType},
			"cut":        {Kind: clientstest.Cut},
			"partial":    {Kind: clientstest.Partial},
		} {
			s.faults.Add(fault)
			files, err := s.Files(t.Context(), known)
			if err == nil {
				t.Errorf("%s: a search without an error found %+v", name, files)
			}
			for _, f := range files {
				if f.Err == nil && !f.Unchanged {
					t.Errorf("%s: %+v", name, f)
				}
			}
			files, _ = s.Read(t.Context(), known)
			for _, f := range files {
				if f.Err == nil || errors.Is(f.Err, fs.ErrNotExist) {
					t.Errorf("%s: read %+v", name, f)
				}
			}
			s.faults.Clear()
		}
		if err := known[s.at("player", "main", "catalog-info.yaml")]; err == "" {
			t.Error("nothing was known")
		}
	})
}

// A page of repositories costs what the comments promise.
func TestCost(t *testing.T) {
	for name, c := range map[string]struct {
		site          *site
		first, second int // requests of the first search and of one that changed nothing
	}{"GitHub": {newGitHub(t), 1, 1}, "GitLab": {newGitLab(t), 4, 4}} { // GitLab's site has two groups
		known := map[string]string{}
		for url, f := range c.site.search(t.Context(), t, nil) {
			known[url] = f.Validator
		}
		if n := len(c.site.watch.Requests()); n != c.first {
			t.Errorf("%s: the first search made %d requests, not %d", name, n, c.first)
		}
		c.site.watch.Reset()
		c.site.search(t.Context(), t, known)
		if n := len(c.site.watch.Requests()); n != c.second {
			t.Errorf("%s: the second search made %d requests, not %d", name, n, c.second)
		}
	}
}

func TestWhatItCovers(t *testing.T) {
	s := newGitHub(t)
	for repository, want := range map[string]bool{"larkfold/player": true, "LARKFOLD/x": true, "larkfolds/player": false, "larkfold": false, "other/larkfold": false} {
		if s.Covers(repository) != want {
			t.Errorf("covers %s: %v", repository, !want)
		}
	}
	if _, _, known := s.Catalog("larkfold/search"); known {
		t.Error("a repository is known before any search")
	}
	s.search(t.Context(), t, nil)
	all, file, known := s.Catalog("Larkfold/Search")
	if !known || !strings.HasPrefix(file, all) || !strings.HasSuffix(all, "/release/2.x/") {
		t.Errorf("%s %s %v", all, file, known)
	}
	if !s.IsCatalog("catalog-info.yaml") || s.IsCatalog("docs/catalog-info.yaml") {
		t.Error("which file is the catalog's")
	}
}

// An address that a catalog file names is read from the groups of this host, or not at all.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"https://github.com/larkfold/player/blob/main/a.yaml", "https://github.com/larkfold//blob/x/y", "https://github.com/larkfold/p/blob/%2e%2e/x", "https://[::1", "%", ""} {
		f.Add(s)
	}
	var asked []string
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Host)
		return nil, errors.New("down")
	})
	web := &url.URL{Scheme: "https", Host: "github.com"}
	hub, err := github.New("github.com", web, &http.Client{Transport: transport})
	must(f, err)
	lab, err := gitlab.New("git.example", web, &http.Client{Transport: transport})
	must(f, err)
	config := origin.Config{Name: "github.com", Web: web, Groups: []string{"larkfold"}, File: "catalog-info.yaml"}
	for _, o := range []*origin.Origin{origin.GitHub(config, hub), origin.GitLab(config, lab)} {
		if o.Name() != "github.com" {
			f.Fatal(o.Name())
		}
	}
	f.Fuzz(func(t *testing.T, address string) {
		for _, o := range []*origin.Origin{origin.GitHub(config, hub), origin.GitLab(config, lab)} {
			asked = nil
			files, err := o.Read(t.Context(), map[string]string{address: ""})
			if err != nil || len(files) != 1 || files[0].Err == nil {
				t.Fatalf("%q: %+v, %v", address, files, err)
			}
			for _, host := range asked {
				if host != "api.github.com" && host != "github.com" {
					t.Errorf("%q led to %s", address, host)
				}
			}
			if u, err := url.Parse(address); len(asked) > 0 && (err != nil || !strings.HasPrefix(strings.ToLower(u.Path), "/larkfold/")) {
				t.Errorf("%q was asked for", address)
			}
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// list returns the listing of one root.
func (s *site) list(t *testing.T, root, validator string) remote.Listing {
	t.Helper()
	said, err := s.List(t.Context(), map[string]string{root: validator})
	must(t, err)
	if len(said) != 1 || said[0].Root != root {
		t.Fatalf("of %s there is %+v", root, said)
	}
	slices.Sort(said[0].Files)
	return said[0]
}

func TestList(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		for _, name := range []string{"teams/x.yaml", "teams/deep/ä b.yaml", "run.sh"} {
			s.work.Write("search/"+name, "x")
		}
		must(t, os.Chmod(s.work.Path("search", "run.sh"), 0o755))
		must(t, os.Symlink("api.yaml", s.work.Path("search", "link.yaml")))
		s.work.Commit("search", "Add teams")
		s.search(t.Context(), t, nil) // tells the default branches
		root := s.at("search", "release/2.x", "")
		s.watch.Reset()
		first := s.list(t, root, "")
		// Links and folders are no files.
		if want := []string{root + "README.md", root + "api.yaml", root + "catalog-info.yaml", root + "run.sh", root + "teams/deep/%C3%A4%20b.yaml", root + "teams/x.yaml"}; !slices.Equal(first.Files, want) || !first.Whole || first.Err != nil {
			t.Errorf("listed are %+v, want %q", first, want)
		}
		if n := len(s.watch.Requests()); n != 2 {
			t.Errorf("a repository took %d requests", n)
		}
		files, err := s.Read(t.Context(), map[string]string{first.Files[4]: ""})
		if must(t, err); len(files) != 1 || string(files[0].Text) != "x" {
			t.Errorf("what was listed is read as %+v", files)
		}

		s.watch.Reset()
		if again := s.list(t, root, first.Validator); !again.Unchanged || again.Err != nil {
			t.Errorf("again: %+v", again)
		}
		if n := len(s.watch.Requests()); n != 1 {
			t.Errorf("a repository that has not changed took %d requests", n)
		}
		s.work.Git("search", "rm", "-q", "teams/x.yaml")
		s.work.Commit("search", "Dissolve a team")
		if changed := s.list(t, root, first.Validator); changed.Unchanged || len(changed.Files) != len(first.Files)-1 || changed.Validator == first.Validator {
			t.Errorf("after a change: %+v", changed)
		}

		// Pages are put together.
		for i := range 250 {
			s.work.Write(fmt.Sprintf("player/many/%d.yaml", i), fmt.Sprint(i))
		}
		s.work.Commit("player", "Add many")
		if many := s.list(t, s.at("player", "main", ""), ""); len(many.Files) != 252 || !many.Whole || len(slices.Compact(many.Files)) != 252 {
			t.Errorf("listed are %d files, %v, %v", len(many.Files), many.Whole, many.Err)
		}

		for i := range 250 {
			s.work.Write(fmt.Sprintf("search/same/%d.yaml", i), "x")
		}
		s.work.Commit("search", "Add many of one")
		if same := s.list(t, root, ""); same.Err != nil || same.Whole && len(slices.Compact(same.Files)) != 255 {
			t.Errorf("listed are %d files, %v, %v", len(same.Files), same.Whole, same.Err)
		}
		s.work.Git("search", "reset", "-q", "--hard", "HEAD^")

		// Of many each has its own answer, and one branch is asked for once.
		known := map[string]string{root: "", s.at("player", "main", ""): "", s.at("gone", "main", ""): ""}
		refused := append(s.refused(), s.at("search", "release/2.x", "teams/"), s.at("search", "main", ""), s.at("player", "main", "catalog-info.yaml"), s.web, root+"../", s.web+"other/other"+s.blob+"main/")
		for _, address := range refused {
			known[address] = ""
		}
		said, err := s.List(t.Context(), known)
		must(t, err)
		counts := map[string]int{}
		for _, one := range said {
			if _, twice := counts[one.Root]; twice {
				t.Errorf("%s is said twice", one.Root)
			}
			counts[one.Root] = len(one.Files)
			if fine := one.Root == root || one.Root == s.at("player", "main", ""); fine != (one.Err == nil && one.Whole) {
				t.Errorf("%+v", one)
			}
		}
		if len(counts) != len(known) || counts[root] != 5 || counts[s.at("player", "main", "")] != 252 {
			t.Errorf("listed are %v", counts)
		}
	})
}

// A list of which a part is kept back is not whole.
func TestNothingIsListedThatWasNotSaid(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		s.search(t.Context(), t, nil)
		root := s.at("player", "main", "")
		for _, fault := range []clientstest.Fault{{Kind: clientstest.Down}, {Kind: clientstest.Status, Status: http.StatusServiceUnavailable}, {Kind: clientstest.WrongType}, {Kind: clientstest.Cut}, {Kind: clientstest.Partial}} {
			for _, route := range []string{"", s.trees} {
				if fault.Kind == clientstest.Partial && route != "" {
					continue // which is of GraphQL alone
				}
				fault.Route = route
				s.faults.Add(fault)
				if one := s.list(t, root, ""); one.Err == nil || one.Whole {
					t.Errorf("%s of %q: %+v", fault.Kind, route, one)
				}
				s.faults.Clear()
			}
		}
	})
}
