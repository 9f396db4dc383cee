package remote

import (
	"errors"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

// maxURL is the longest URL that is read; hosts refuse longer ones.
const maxURL = 2048

// parseURL reads the URL of a file or a folder. One URL names one file: there is nothing in it that a host may read in two ways.
func parseURL(text string) (*url.URL, error) {
	if len(text) > maxURL || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, errors.New("a URL is too long, or holds blanks or control characters")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("a URL cannot be read") // the reason would quote it
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Path == "":
		return nil, errors.New("a URL is none of http or https, or has no path")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, errors.New("a URL has a user, a query or a fragment, and what is read is a path")
	case !plainPath(u.Path):
		return nil, errors.New("the path of a URL has parts like .. or \\")
	}
	return u, nil
}

// plainPath tells whether a decoded path says where it leads without being resolved.
func plainPath(decoded string) bool {
	if strings.ContainsAny(decoded, "\\\x00") {
		return false
	}
	for part := range strings.SplitSeq(decoded, "/") {
		if part == "." || part == ".." {
			return false
		}
	}
	return true
}

// folderOf is the URL of the folder that a file is in.
func folderOf(file string) string { return file[:strings.LastIndexByte(file, '/')+1] }

// rootOf returns the root that an origin names for a file, or the file's folder where that is none around it.
func rootOf(root, file string) string {
	if _, err := parseURL(root); err == nil && strings.HasSuffix(root, "/") && strings.HasPrefix(file, root) {
		return root
	}
	return folderOf(file)
}

// The rules for what a file may name.
var (
	errNoName  = errors.New("names no file; give a path relative to this one")
	errRemote  = errors.New("only files of the same repository are read; commit a copy and name its path")
	errOutside = errors.New("the file lies outside the repository; move it into the same one")
)

// resolve returns the URL that a text in a file names: a path relative to the file, one from the root where it starts with a slash,
// or a URL. What does not lie below the root is refused, so that a file reads no more than who could write it.
func resolve(file, root, target string) (string, error) {
	if target == "" || !printableName(target) {
		return "", errNoName
	}
	named, err := url.Parse(target)
	if err != nil {
		return "", errNoName
	}
	if named.Scheme != "" || named.Host != "" || strings.HasPrefix(target, "//") {
		if _, err := parseURL(target); err != nil {
			return "", errRemote
		}
		if !strings.HasPrefix(target, root) || target == root {
			return "", errRemote
		}
		return target, nil
	}
	if named.RawQuery != "" || named.ForceQuery || named.Fragment != "" || named.Path == "" || strings.HasSuffix(named.Path, "/") {
		return "", errNoName
	}
	// Folders of the base are taken as they are spelt: what is encoded in them, such as the slash of a branch's name, stays so.
	base, below := folderOf(file), path.Clean(named.Path)
	if strings.HasPrefix(named.Path, "/") {
		base, below = root, path.Clean(strings.TrimLeft(named.Path, "/"))
	}
	for strings.HasPrefix(below, "../") {
		if base == root {
			return "", errOutside
		}
		base, below = folderOf(strings.TrimSuffix(base, "/")), below[len("../"):]
	}
	if below == "." || below == ".." || below == "" {
		return "", errNoName
	}
	out := urlBelow(base, below)
	if _, err := parseURL(out); err != nil || !strings.HasPrefix(out, root) {
		return "", errOutside
	}
	return out, nil
}

// printableName tells whether a text may be a path.
func printableName(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' })
}

// urlBelow returns the URL of a path, decoded, below a folder.
func urlBelow(folder, below string) string {
	return folder + (&url.URL{Path: "/" + below}).EscapedPath()[1:]
}

// pathBelow returns the path, decoded, of a file below a root, where its URL is spelt as urlBelow does: then that is the one there is.
func pathBelow(root, file string) (string, bool) {
	rest, below := strings.CutPrefix(file, root)
	decoded, err := url.PathUnescape(rest)
	if !below || err != nil || decoded == "" || !printableName(decoded) || path.Clean("/"+decoded) != "/"+decoded || urlBelow(root, decoded) != file {
		return "", false
	}
	_, err = parseURL(file)
	return decoded, err == nil
}
