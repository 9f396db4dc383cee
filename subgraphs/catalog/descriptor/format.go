package descriptor

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// A format is a rule for the text of one field. Tag is its name in the validation tags below, Wants its words in a message.
type format struct {
	tag, rule, wants string
	valid            func(string) bool
}

var formatTable = []format{
	{"apiversion", "api-version-format", `a version such as "backstage.io/v1alpha1"`, IsAPIVersion},
	{"kind", "kind-format", "1 to 63 letters and digits that start with a letter", IsKind},
	{"name", "metadata-name-format", "1 to 63 letters and digits, with single or repeated - _ . between them", IsName},
	{"namespace", "metadata-namespace-format", "1 to 63 lower-case letters and digits, with - between them", IsNamespace},
	{"tag", "metadata-tag-format", "1 to 63 characters out of a-z, 0-9, : + and #, with - between them", IsTag},
	{"labelkey", "metadata-label-key-format", `a name of 1 to 63 characters, with an optional domain before it, such as "example.com/tier"`, IsLabelKey},
	{"labelvalue", "metadata-label-value-format", "empty, or 1 to 63 letters and digits with - _ . between them", IsLabelValue},
	{"annotationkey", "metadata-annotation-key-format", `a name of 1 to 63 characters, with an optional domain before it, such as "github.com/project-slug"`, IsAnnotationKey},
	{"absurl", "metadata-link-url", `an absolute URL such as "https://example.com/page"`, IsURL},
	{"nonblank", "metadata-link-blank", "text that is not blank", func(s string) bool { return strings.TrimSpace(s) != "" }},
}

// formatted is the part of a document whose formats are checked.
type formatted struct {
	APIVersion  string            `validate:"apiversion"`
	Kind        string            `validate:"kind"`
	Name        string            `validate:"name"`
	Namespace   string            `validate:"omitempty,namespace"`
	Labels      map[string]string `validate:"dive,keys,labelkey,endkeys,labelvalue"`
	Annotations map[string]string `validate:"dive,keys,annotationkey,endkeys"`
	Tags        []string          `validate:"dive,tag"`
	Links       []formattedLink   `validate:"dive"`
}

type formattedLink struct {
	URL   string  `validate:"absurl"`
	Title *string `validate:"omitnil,nonblank"`
	Icon  *string `validate:"omitnil,nonblank"`
}

// fieldNames turns the fields of formatted into those of a document.
var fieldNames = map[string]Path{
	"APIVersion": {"apiVersion"}, "Kind": {"kind"}, "Name": {"metadata", "name"}, "Namespace": {"metadata", "namespace"},
	"Labels": {"metadata", "labels"}, "Annotations": {"metadata", "annotations"}, "Tags": {"metadata", "tags"},
	"Links": {"metadata", "links"}, "URL": {"url"}, "Title": {"title"}, "Icon": {"icon"},
}

var formats = func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	for _, f := range formatTable {
		valid := f.valid
		if err := v.RegisterValidation(f.tag, func(level validator.FieldLevel) bool { return valid(level.Field().String()) }); err != nil {
			panic(fmt.Sprintf("descriptor: registering the format %s: %v", f.tag, err))
		}
	}
	return v
}()

// CheckFormats reports the fields of a document whose text breaks the format's rules for names, keys and URLs. The document
// must have passed CheckSchema.
func CheckFormats(document map[string]any) []Problem {
	metadata := object(document["metadata"])
	subject := formatted{
		APIVersion: text(document["apiVersion"]), Kind: text(document["kind"]),
		Name: text(metadata["name"]), Namespace: text(metadata["namespace"]),
		Labels: stringMap(metadata["labels"]), Annotations: stringMap(metadata["annotations"]), Tags: stringList(metadata["tags"]),
	}
	for _, value := range list(metadata["links"]) {
		link := object(value)
		subject.Links = append(subject.Links, formattedLink{URL: text(link["url"]), Title: optional(link, "title"), Icon: optional(link, "icon")})
	}
	var broken validator.ValidationErrors
	if !errors.As(formats.Struct(subject), &broken) {
		return nil
	}
	problems := make([]Problem, 0, len(broken))
	for _, failure := range broken {
		for _, f := range formatTable {
			if f.tag != failure.Tag() {
				continue
			}
			path := formatPath(failure.StructNamespace())
			written := fmt.Sprint(failure.Value())
			if pointer, ok := failure.Value().(*string); ok {
				written = *pointer
			}
			what := path.String() + " is " + quote(written)
			if strings.HasSuffix(f.tag, "key") {
				what = "the key " + quote(path[len(path)-1]) + " of " + path[:len(path)-1].String() + " is not valid"
			}
			problems = append(problems, Problem{Rule: f.rule, Path: path, Message: what + " and must be " + f.wants + repair(f.tag, written)})
		}
	}
	sortProblems(problems)
	return problems
}

// repair suggests the text that an author probably wants.
func repair(tag, written string) string {
	valid, fixed := IsName, strings.Join(strings.Fields(written), "-")
	switch tag {
	case "namespace", "tag":
		fixed = strings.ToLower(strings.ReplaceAll(fixed, "_", "-"))
		valid = IsTag
		if tag == "namespace" {
			valid = IsNamespace
		}
	case "absurl":
		fixed, valid = "https://"+written, func(s string) bool { return strings.Contains(written, ".") && IsURL(s) }
	case "name":
	default:
		return ""
	}
	if fixed == written || !valid(fixed) {
		return ""
	}
	return "; did you mean " + quote(fixed) + "?"
}

// formatPath turns "formatted.Links[0].URL" into metadata, links, 0, url. A key may hold anything, brackets too, so it ends at
// the last one.
func formatPath(namespace string) Path {
	rest := strings.TrimPrefix(namespace, "formatted.")
	field, inner, _ := strings.Cut(rest, "[")
	path := append(Path{}, fieldNames[field]...)
	if inner == "" {
		return path
	}
	if field == "Links" {
		index, last, _ := strings.Cut(inner, "].")
		return append(append(path, index), fieldNames[last]...)
	}
	return append(path, strings.TrimSuffix(inner, "]"))
}

// IsKind tells whether the text may be a kind.
func IsKind(s string) bool {
	return len(s) >= 1 && len(s) <= 63 && isLetter(s[0]) && all(s, func(c byte) bool { return isLetter(c) || isDigit(c) })
}

// IsAPIVersion tells whether the text may be an apiVersion: a version, with an optional domain before it.
func IsAPIVersion(s string) bool {
	return prefixed(s, func(version string) bool {
		return len(version) >= 1 && len(version) <= 63 && all(version, func(c byte) bool { return isLetter(c) || isDigit(c) })
	})
}

// IsName tells whether the text may be the name of an entity.
func IsName(s string) bool {
	if len(s) < 1 || len(s) > 63 {
		return false
	}
	alphanumeric := func(c byte) bool { return isLetter(c) || isDigit(c) }
	return alphanumeric(s[0]) && alphanumeric(s[len(s)-1]) &&
		all(s, func(c byte) bool { return alphanumeric(c) || c == '-' || c == '_' || c == '.' })
}

// IsNamespace tells whether the text may be a namespace: the same as a DNS label.
func IsNamespace(s string) bool { return IsDNSLabel(s) }

// IsLabelKey tells whether the text may be the key of a label: a name, with an optional domain before it.
func IsLabelKey(s string) bool { return prefixed(s, IsName) }

// IsAnnotationKey tells whether the text may be the key of an annotation: the same as that of a label.
func IsAnnotationKey(s string) bool { return IsLabelKey(s) }

// IsLabelValue tells whether the text may be the value of a label: empty, or like a name.
func IsLabelValue(s string) bool { return s == "" || IsName(s) }

// IsTag tells whether the text may be a tag.
func IsTag(s string) bool {
	return dashed(s, func(c byte) bool { return c >= 'a' && c <= 'z' || isDigit(c) || c == ':' || c == '+' || c == '#' }, false)
}

// IsDNSLabel tells whether the text is a lower-case DNS label.
func IsDNSLabel(s string) bool {
	return dashed(s, func(c byte) bool { return c >= 'a' && c <= 'z' || isDigit(c) }, true)
}

// IsDNSSubdomain tells whether the text is DNS labels with dots between them.
func IsDNSSubdomain(s string) bool {
	if len(s) < 1 || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !IsDNSLabel(label) {
			return false
		}
	}
	return true
}

// prefixed tells whether the text is a suffix, or a domain, a slash and a suffix.
func prefixed(s string, suffix func(string) bool) bool {
	domain, rest, found := strings.Cut(s, "/")
	if !found {
		return suffix(s)
	}
	return IsDNSSubdomain(domain) && suffix(rest) // a second slash is no part of any suffix
}

// dashed tells whether the text is 1 to 63 characters with dashes inside, repeated ones only where repeat says so.
func dashed(s string, letter func(byte) bool, repeat bool) bool {
	if len(s) < 1 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' || !repeat && strings.Contains(s, "--") {
		return false
	}
	return all(s, func(c byte) bool { return c == '-' || letter(c) })
}

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// IsURL tells whether a web browser would read the text as an absolute URL. It follows the URL standard rather than net/url,
// which takes relative references and refuses hosts that browsers take.
func IsURL(s string) bool {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(s, "\t\n\r") {
		s = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(s)
	}
	scheme, rest, found := strings.Cut(s, ":")
	if !found || scheme == "" || !isLetter(scheme[0]) ||
		!all(scheme, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '+' || c == '-' || c == '.' }) {
		return false
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "ws", "wss", "ftp":
		rest = strings.TrimLeft(rest, `/\`)
		end := strings.IndexAny(rest, `/\?#`)
		if end < 0 {
			end = len(rest)
		}
		authority := rest[:end]
		return isHostPort(authority[strings.LastIndexByte(authority, '@')+1:])
	case "file":
		return true
	}
	if authority, found := strings.CutPrefix(rest, "//"); found {
		if end := strings.IndexAny(authority, "/?#"); end >= 0 {
			authority = authority[:end]
		}
		return !strings.ContainsAny(authority[strings.LastIndexByte(authority, '@')+1:], " <>^|\\")
	}
	return true
}

func isHostPort(s string) bool {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		inner, after, closed := strings.Cut(s[1:], "]")
		if !closed || after != "" && after[0] != ':' {
			return false
		}
		if address, err := netip.ParseAddr(inner); err != nil || !address.Is6() || address.Zone() != "" {
			return false
		}
		host, port = inner, strings.TrimPrefix(after, ":")
	} else {
		host, port, _ = strings.Cut(s, ":")
		decoded, err := url.PathUnescape(host)
		if err != nil || decoded == "" || strings.ContainsAny(decoded, " #%/:<>?@[\\]^|") || strings.ContainsFunc(decoded, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return false
		}
		if !isIPv4OrName(decoded) {
			return false
		}
	}
	if port == "" {
		return host != ""
	}
	n, err := strconv.ParseUint(port, 10, 64)
	return err == nil && n <= 65535
}

// isIPv4OrName refuses hosts that end in a number, as IPv4 addresses do, and are none.
func isIPv4OrName(host string) bool {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	number := func(s string) (uint64, bool) {
		if s == "" || s[0] == '+' || strings.Contains(s, "_") {
			return 0, false
		}
		n, err := strconv.ParseUint(s, 0, 64)
		return n, err == nil
	}
	last := parts[len(parts)-1]
	if _, ok := number(last); !ok && (last == "" || !all(last, isDigit)) {
		return true
	}
	if len(parts) > 4 {
		return false
	}
	for i, part := range parts {
		limit := uint64(256)
		if i == len(parts)-1 {
			limit = 1 << (8 * (5 - len(parts)))
		}
		if n, ok := number(part); !ok || n >= limit {
			return false
		}
	}
	return true
}
