package descriptor

import (
	"errors"
	"fmt"
	"strings"
)

// ErrRefKindMissing is wrapped by the error of ParseRef where the text names no kind and there is no default one.
var ErrRefKindMissing = errors.New("names no kind")

// RefDefaults fills what a reference leaves out. A zero Namespace stands for DefaultNamespace; a zero Kind for none, so that a
// reference must name its kind.
type RefDefaults struct{ Kind, Namespace string }

// ParseRef reads a reference, "[kind:][namespace/]name". The kind ends at the first colon and the namespace at the first
// slash, but a colon after the first slash belongs to the name: "a/b:c" is the name "b:c" in namespace a. Blanks count, and
// names are not checked for their format, as entities that are not there may be referred to.
func ParseRef(text string, defaults RefDefaults) (Ref, error) {
	kind, namespace, name, err := refParts(text, defaults)
	if err != nil {
		return Ref{}, err
	}
	return newRef(kind, namespace, name), nil
}

// refParts is ParseRef without the folding of case.
func refParts(text string, defaults RefDefaults) (kind, namespace, name string, err error) {
	if text == "" {
		return "", "", "", fmt.Errorf("the reference is empty; write [kind:][namespace/]name")
	}
	kind, namespace = defaults.Kind, defaults.Namespace
	if namespace == "" {
		namespace = DefaultNamespace
	}
	colon, slash := strings.IndexByte(text, ':'), strings.IndexByte(text, '/')
	if slash >= 0 && slash < colon {
		colon = -1
	}
	name = text[max(colon, slash)+1:]
	malformed := name == ""
	if colon >= 0 {
		kind = text[:colon]
		malformed = malformed || kind == ""
	}
	if slash >= 0 {
		namespace = text[colon+1 : slash]
		malformed = malformed || namespace == ""
	}
	if malformed {
		return "", "", "", fmt.Errorf("the reference %s has an empty part; write [kind:][namespace/]name", quote(text))
	}
	if kind == "" {
		return "", "", "", fmt.Errorf("the reference %s %w; write it with one, such as %s", quote(text), ErrRefKindMissing, quote("component:"+text))
	}
	return kind, namespace, name, nil
}

func newRef(kind, namespace, name string) Ref {
	return Ref{Kind: intern(strings.ToLower(kind)), Namespace: intern(strings.ToLower(namespace)), Name: intern(strings.ToLower(name))}
}
