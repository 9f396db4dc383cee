package forge

import (
	"net/url"
	"strings"
)

// The annotations that tell where an entity's code lies. An author may have written anything there.
const (
	SourceLocation = "backstage.io/source-location"
	GitHubSlug     = "github.com/project-slug"
	GitLabSlug     = "gitlab.com/project-slug"
	gitLabInstance = "gitlab.com/instance"
	ManagedBy      = "backstage.io/managed-by-location"
)

// Site is what has a host: a *Host, or what embeds one.
type Site interface{ Forge() *Host }

// Place is a repository that something may mean.
type Place[S Site] struct {
	Site   S
	Path   string // of the repository
	Folder string // in the repository, "" for its top
	Rest   string // of the address, as Locate returns it; "" where it was not found by one
}

// At returns the repository that the address of a page is in.
func At[S Site](sites []S, address string) (Place[S], bool) {
	u, err := url.Parse(address)
	if err != nil {
		return Place[S]{}, false
	}
	for _, s := range sites {
		if repository, rest, ok := s.Forge().Locate(u); ok {
			return Place[S]{s, repository, FolderInAddress(strings.Split(rest, "/")), rest}, true
		}
	}
	return Place[S]{}, false
}

// Checkout is what is known of an entity's checkout on a disk.
type Checkout struct {
	Origin string // the page on the web that it came from; "" for none
	Folder string // the entity's folder in it
}

// Find returns what annotations may mean on the sites, the most likely first. What the author says outright wins over where the declaration lies, and that
// over where the checkout came from.
func Find[S Site](sites []S, annotations map[string]string, from Checkout) []Place[S] {
	if kind, target, _ := strings.Cut(annotations[SourceLocation], ":"); kind == "url" {
		if place, ok := At(sites, target); ok {
			return []Place[S]{place}
		}
	}
	near := "" // the host that the entity is declared on, or that its checkout came from
	declared := ""
	if kind, target, _ := strings.Cut(annotations[ManagedBy], ":"); kind == "url" {
		declared = FileFolder(target)
	}
	for _, text := range []string{declared, from.Origin} {
		if u, err := url.Parse(text); err == nil && near == "" {
			near = strings.ToLower(u.Host)
		}
	}
	out := BySlug(sites, GitHub, annotations[GitHubSlug], near)
	out = append(out, BySlug(sites, GitLab, annotations[GitLabSlug], strings.ToLower(annotations[gitLabInstance]), near)...)
	for i := range out {
		out[i].Folder = from.Folder
	}
	if len(out) == 0 && declared != "" {
		if place, ok := At(sites, declared); ok {
			out = append(out, place)
		}
	}
	if len(out) == 0 && from.Origin != "" {
		if place, ok := At(sites, from.Origin); ok {
			place.Folder = from.Folder
			out = append(out, place)
		}
	}
	return out
}

// BySlug returns what a slug may mean: the repository of that name on the host that it starts with, else on the hosts of the provider, those that are named
// first, then the provider's own, then the others.
func BySlug[S Site](sites []S, provider Provider, slug string, first ...string) []Place[S] {
	slug = strings.Trim(slug, "/ ")
	if slug == "" {
		return nil
	}
	var hosts []S
	for _, s := range sites {
		h := s.Forge()
		if h.Provider != provider {
			continue
		}
		if inside, ok := cutFold(slug, h.Web.Host+"/"); ok && h.Valid(inside) {
			return []Place[S]{{Site: s, Path: inside}}
		}
		hosts = append(hosts, s)
	}
	var out []Place[S]
	taken := map[*Host]bool{}
	take := func(want func(*Host) bool) {
		for _, s := range hosts {
			if h := s.Forge(); !taken[h] && want(h) && h.Valid(slug) {
				taken[h] = true
				out = append(out, Place[S]{Site: s, Path: slug})
			}
		}
	}
	for _, name := range first {
		if name != "" {
			take(func(h *Host) bool { return strings.EqualFold(h.Web.Host, name) })
		}
	}
	if len(out) > 0 { // it is told which host is meant
		return out
	}
	take(func(h *Host) bool { return h.Web.Host == "github.com" || h.Web.Host == "gitlab.com" })
	take(func(*Host) bool { return true })
	return out
}

// cutFold cuts a prefix in any letter case.
func cutFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// FolderInAddress returns the folder that the rest of a forge's address names: "tree/BRANCH/folder" or "blob/BRANCH/file", with
// GitLab's "-" before it. A branch with slashes cannot be told from a folder; it is taken to have none.
func FolderInAddress(rest []string) string {
	if len(rest) > 0 && rest[0] == "-" {
		rest = rest[1:]
	}
	if len(rest) > 2 && (rest[0] == "tree" || rest[0] == "src") {
		return strings.Join(rest[2:], "/")
	}
	if len(rest) > 3 && rest[0] == "blob" {
		return strings.Join(rest[2:len(rest)-1], "/")
	}
	return ""
}

// FileFolder drops the file from an address.
func FileFolder(address string) string {
	if i := strings.LastIndexByte(address, '/'); i > len("https://") {
		return strings.Replace(address[:i], "/blob/", "/tree/", 1)
	}
	return address
}
