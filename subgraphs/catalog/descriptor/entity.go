package descriptor

import "strings"

// DefaultNamespace is the namespace of an entity that names none.
const DefaultNamespace = "default"

// Ref names an entity. Its parts are lower case, as references compare without case; use ParseRef to get one from text.
type Ref struct{ Kind, Namespace, Name string }

// String returns the canonical text, such as "component:default/artist-web".
func (r Ref) String() string {
	var b strings.Builder
	b.Grow(len(r.Kind) + len(r.Namespace) + len(r.Name) + 2)
	b.WriteString(r.Kind)
	b.WriteByte(':')
	b.WriteString(r.Namespace)
	b.WriteByte('/')
	b.WriteString(r.Name)
	return b.String()
}

// Entity is one accepted catalog document. It is immutable once it has left this package: an index, a query and a newer
// index may all hold the same one.
type Entity struct {
	Ref        Ref
	APIVersion string
	Kind       string // as written: "Component"; Ref.Kind is lower case
	Namespace  string // as written, or DefaultNamespace
	Name       string // as written
	Metadata   Metadata
	Spec       map[string]any // plain JSON values: map[string]any, []any, string, float64 or int64, bool, nil
	Relations  []Relation     // both directions' owner writes only its own side; the index adds inverses
	Source     Source
}

// Metadata is what every kind's metadata may hold, beside the name and namespace.
type Metadata struct {
	Title       string
	Description string
	Labels      map[string]string
	Annotations map[string]string // the author's, plus the two location annotations where the author wrote none
	Tags        []string
	Links       []Link
	Extra       map[string]any // fields the format does not know; nil where there are none
}

// Link is one of an entity's links.
type Link struct{ URL, Title, Icon, Type string }

// Relation is an edge that one field of a document states. Type is the format's relation type, such as "ownedBy"; Target need
// not exist.
type Relation struct {
	Type    string
	Inverse string
	Target  Ref
	Field   string // the spec field that states it: "owner", "providesApis"
	Line    int    // where it is stated; 0 where unknown
}

// Source tells where a document was read.
type Source struct {
	File     string // absolute path, or URL
	Document int    // position in the file, from 0
	Line     int    // first line of the document, from 1
	Location string // the location that led to it, "type:target"
}

// Severity orders issues by what they cost.
type Severity string

// What an issue costs: an error hides the document or the file it is in, a warning hides nothing.
const (
	SeverityError   Severity = "ERROR"
	SeverityWarning Severity = "WARNING"
)

// Issue is one thing that is wrong with a file, a document or what it refers to. Nothing that is refused, dropped or
// unreadable goes without one.
type Issue struct {
	Severity Severity
	Rule     string // stable, kebab-case: "metadata-name-format"
	Message  string // what is wrong and what to do
	File     string // absolute path, URL, or the name of an origin
	Document int    // position in the file from 0; -1 where the issue is with the whole file
	Line     int    // from 1; 0 where unknown
	Ref      Ref    // the entity concerned; zero where it has no valid name
}

// Snapshot is everything discovered at one moment. It is immutable.
type Snapshot struct {
	Entities []*Entity // sorted by Ref text, one per Ref: the winner of each conflict
	Issues   []Issue   // sorted by file, document, line, rule
}
