package descriptor

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Annotations that tell where an entity was read.
const (
	AnnotationLocation       = "backstage.io/managed-by-location"
	AnnotationOriginLocation = "backstage.io/managed-by-origin-location"
)

// sortedFields are the spec fields whose strings are kept sorted, as their order has no meaning.
var sortedFields = []string{"providesApis", "consumesApis", "dependsOn", "dependencyOf", "memberOf", "children", "members"}

// build makes the entity of a document that passed all checks but those of its references.
func (d *reading) build() {
	metadata := object(d.document["metadata"])
	spec := object(d.document["spec"])
	here, origin := d.in.Location, d.in.Origin
	if here == "" {
		here = "file:" + d.in.File
	}
	if origin == "" || origin == here {
		here = cmp.Or(origin, here) // one text for both
		origin = here
	}
	namespace := text(metadata["namespace"])
	if namespace == "" {
		namespace = DefaultNamespace
	}
	relations := d.relations(spec, namespace)
	if d.failed {
		return
	}
	d.targets = d.locationTargets(spec)
	for _, field := range sortedFields {
		sortStrings(spec[field])
	}
	d.entity = &Entity{
		Ref: d.ref, APIVersion: text(d.document["apiVersion"]), Kind: text(d.document["kind"]), Namespace: namespace, Name: text(metadata["name"]),
		Metadata:  d.metadata(metadata, here, origin),
		Spec:      spec,
		Relations: relations,
		Source:    Source{File: d.in.File, Document: d.part.position, Line: d.line, Location: origin},
	}
}

func (d *reading) locationTargets(spec map[string]any) []Target {
	if d.kind.Name != "Location" {
		return nil
	}
	var targets []Target
	if target := text(spec["target"]); target != "" {
		targets = append(targets, Target{target, d.lineOf(Path{"spec", "target"})})
	}
	node, line := nodeAt(d.node, Path{"spec", "targets"})
	for i, target := range list(spec["targets"]) {
		if node != nil && node.Kind == yaml.SequenceNode && i < len(node.Content) {
			line = node.Content[i].Line
		}
		targets = append(targets, Target{text(target), d.fileLine(line)})
	}
	return targets
}

func (d *reading) metadata(from map[string]any, here, origin string) Metadata {
	m := Metadata{
		Title: text(from["title"]), Description: text(from["description"]),
		Labels: stringMap(from["labels"]), Tags: stringList(from["tags"]),
	}
	annotations := object(from["annotations"])
	m.Annotations = make(map[string]string, len(annotations)+2)
	m.Annotations[AnnotationLocation] = here
	m.Annotations[AnnotationOriginLocation] = origin
	for key, value := range annotations {
		m.Annotations[key] = text(value)
	}
	for _, value := range list(from["links"]) {
		link := object(value)
		m.Links = append(m.Links, Link{URL: text(link["url"]), Title: text(link["title"]), Icon: text(link["icon"]), Type: text(link["type"])})
	}
	for key, value := range from {
		switch key {
		case "name", "namespace", "title", "description", "labels", "annotations", "tags", "links":
		default:
			if m.Extra == nil {
				m.Extra = map[string]any{}
			}
			m.Extra[key] = value
		}
	}
	return m
}

// relations reads the references of a spec. A reference that cannot be read fails the document: with an edge left out in
// silence it would say less than its author wrote.
func (d *reading) relations(spec map[string]any, namespace string) []Relation {
	_, fields := d.kind.form(text(spec["type"]))
	var relations []Relation
	for _, field := range fields {
		value := spec[field.Field]
		items, isList := value.([]any)
		if !isList && value != nil && value != "" {
			items = []any{value}
		}
		node, line := nodeAt(d.node, Path{"spec", field.Field})
		line = d.fileLine(line)
		for i, item := range items {
			at := Path{"spec", field.Field}
			if isList {
				at = at.join(strconv.Itoa(i))
				if node != nil && node.Kind == yaml.SequenceNode && i < len(node.Content) {
					line = d.fileLine(node.Content[i].Line)
				}
			}
			target, err := parseTarget(item, RefDefaults{Kind: field.DefaultKind, Namespace: namespace})
			if err != nil {
				rule := "reference-format"
				if errors.Is(err, ErrRefKindMissing) {
					rule = "reference-kind-missing"
				}
				d.fail(rule, line, at.String()+": "+err.Error())
				continue
			}
			if len(field.Allowed) > 0 && !slices.ContainsFunc(field.Allowed, func(kind string) bool { return strings.EqualFold(kind, target.Kind) }) {
				d.add(SeverityWarning, "reference-kind", line, at.String()+" names "+quote(target.String())+" where "+strings.Join(field.Allowed, " or ")+" is meant; correct the reference")
			}
			relations = append(relations, Relation{Type: field.Relation, Inverse: field.Inverse, Target: target, Field: field.Field, Line: line})
		}
	}
	slices.SortStableFunc(relations, func(a, b Relation) int {
		if c := strings.Compare(a.Type, b.Type); c != 0 {
			return c
		}
		return CompareRefs(a.Target, b.Target)
	})
	relations = slices.CompactFunc(relations, func(a, b Relation) bool { return a.Type == b.Type && a.Target == b.Target })
	return append(make([]Relation, 0, len(relations)), relations...) // they stay for long, in no more than they need
}

// parseTarget reads a reference that is text or, where a field's type is not checked, an object with kind, namespace and name.
func parseTarget(value any, defaults RefDefaults) (Ref, error) {
	switch v := value.(type) {
	case string:
		return ParseRef(v, defaults)
	case map[string]any:
		if text(v["name"]) == "" {
			return Ref{}, errors.New("the reference has no name; write [kind:][namespace/]name")
		}
		kind, namespace := defaults.Kind, defaults.Namespace
		if written, ok := v["kind"]; ok {
			kind = text(written)
		}
		if written, ok := v["namespace"]; ok {
			namespace = text(written)
		}
		if kind == "" || namespace == "" {
			return Ref{}, errors.New("the reference has an empty kind or namespace; write [kind:][namespace/]name")
		}
		return newRef(kind, namespace, text(v["name"])), nil
	}
	return Ref{}, errors.New("the reference is " + describe(value) + "; write [kind:][namespace/]name")
}

// CompareRefs orders by canonical text.
func CompareRefs(a, b Ref) int {
	if a.Kind == b.Kind && a.Namespace == b.Namespace {
		return strings.Compare(a.Name, b.Name)
	}
	return strings.Compare(a.String(), b.String())
}

func sortStrings(value any) {
	items := list(value)
	for _, item := range items {
		if _, ok := item.(string); !ok {
			return
		}
	}
	slices.SortFunc(items, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
}
