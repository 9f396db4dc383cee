package view

import (
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/relay"
)

// The kinds of the schema. What several have in common is a method of node, and the schema decides which of them have it.
type (
	Component  struct{ node }
	API        struct{ node }
	Resource   struct{ node }
	System     struct{ node }
	Domain     struct{ node }
	Group      struct{ node }
	User       struct{ node }
	Location   struct{ node }
	Template   struct{ node }
	AiResource struct{ node }
)

// Lifecycle is the stage of life.
func (e node) Lifecycle() *string { return e.specText("lifecycle") }

// Definition is the definition of an API.
func (e node) Definition() *string { return e.specText("definition") }

// one returns the first target of the relation that is there and of the kind, or false.
func (e node) one(relation, kind string) (node, bool) {
	for _, edge := range e.x.Relations(e.id, relation) {
		if edge.Reason == "" && edge.Target.Kind == kind {
			return node{e.x, edge.ID}, true
		}
	}
	return node{}, false
}

// System is the system it is part of.
func (e node) System() *System {
	if whole, ok := e.one("partOf", "system"); ok {
		return &System{whole}
	}
	return nil
}

// Domain is the domain it is part of.
func (e node) Domain() *Domain {
	if whole, ok := e.one("partOf", "domain"); ok {
		return &Domain{whole}
	}
	return nil
}

// SubdomainOf is the domain it is part of.
func (e node) SubdomainOf() *Domain { return e.Domain() }

// SubcomponentOf is the component it is part of.
func (e node) SubcomponentOf() *Component {
	if whole, ok := e.one("partOf", "component"); ok {
		return &Component{whole}
	}
	return nil
}

// Parent is the group above.
func (e node) Parent() *Group {
	if above, ok := e.one("childOf", "group"); ok {
		return &Group{above}
	}
	return nil
}

// DependsOn is what it depends on, there or not.
func (e node) DependsOn(first *int, after *string, last *int, before *string) (*RelationConnection, error) {
	return newRelationConnection(e.x, e.x.Relations(e.id, "dependsOn"), relay.Args{First: first, After: after, Last: last, Before: before})
}

// DependencyOf is what depends on it.
func (e node) DependencyOf(first *int, after *string, last *int, before *string) (*RelationConnection, error) {
	return newRelationConnection(e.x, e.x.Relations(e.id, "dependencyOf"), relay.Args{First: first, After: after, Last: last, Before: before})
}

// ProvidesApis are the APIs it provides.
func (e node) ProvidesApis(first *int, after *string, last *int, before *string) (*APIConnection, error) {
	return e.apis("providesApi", false, relay.Args{First: first, After: after, Last: last, Before: before})
}

// ConsumesApis are the APIs it consumes.
func (e node) ConsumesApis(first *int, after *string, last *int, before *string) (*APIConnection, error) {
	return e.apis("consumesApi", false, relay.Args{First: first, After: after, Last: last, Before: before})
}

// APIProvidedBy are the components that provide it.
func (e node) APIProvidedBy(first *int, after *string, last *int, before *string) (*ComponentConnection, error) {
	return e.components("apiProvidedBy", false, relay.Args{First: first, After: after, Last: last, Before: before})
}

// APIConsumedBy are the components that consume it.
func (e node) APIConsumedBy(first *int, after *string, last *int, before *string) (*ComponentConnection, error) {
	return e.components("apiConsumedBy", false, relay.Args{First: first, After: after, Last: last, Before: before})
}

// Subcomponents are the components that are part of it.
func (e node) Subcomponents(first *int, after *string, last *int, before *string) (*ComponentConnection, error) {
	return e.components("hasPart", true, relay.Args{First: first, After: after, Last: last, Before: before})
}

// Components are the components that are part of it.
func (e node) Components(first *int, after *string, last *int, before *string) (*ComponentConnection, error) {
	return e.components("hasPart", true, relay.Args{First: first, After: after, Last: last, Before: before})
}

// Apis are the APIs that are part of it.
func (e node) Apis(first *int, after *string, last *int, before *string) (*APIConnection, error) {
	return e.apis("hasPart", true, relay.Args{First: first, After: after, Last: last, Before: before})
}

// Resources are the resources that are part of it.
func (e node) Resources(first *int, after *string, last *int, before *string) (*ResourceConnection, error) {
	return e.resources("hasPart", true, relay.Args{First: first, After: after, Last: last, Before: before})
}

// Systems are the systems that are part of it.
func (e node) Systems(first *int, after *string, last *int, before *string) (*SystemConnection, error) {
	return e.systems("hasPart", true, relay.Args{First: first, After: after, Last: last, Before: before})
}

// Subdomains are the domains that are part of it.
func (e node) Subdomains(first *int, after *string, last *int, before *string) (*DomainConnection, error) {
	return e.domains("hasPart", true, relay.Args{First: first, After: after, Last: last, Before: before})
}

// Children are the groups directly below.
func (e node) Children(first *int, after *string, last *int, before *string) (*GroupConnection, error) {
	return e.groups("parentOf", relay.Args{First: first, After: after, Last: last, Before: before})
}

// Members are the users who belong to a group.
func (e node) Members(first *int, after *string, last *int, before *string) (*UserConnection, error) {
	return e.users("hasMember", relay.Args{First: first, After: after, Last: last, Before: before})
}

// MemberOf are the groups a user belongs to.
func (e node) MemberOf(first *int, after *string, last *int, before *string) (*GroupConnection, error) {
	return e.groups("memberOf", relay.Args{First: first, After: after, Last: last, Before: before})
}

// Parts is everything that is part of it.
func (e node) Parts(
	filter *EntityFilter, orderBy []*EntityOrder, first *int, after *string, last *int, before *string,
) (*EntityConnection, error) {
	var parts index.Among
	for _, edge := range e.x.Relations(e.id, "hasPart") {
		parts = append(parts, edge.Target)
	}
	return List(e.x, parts, filter, nil, orderBy, relay.Args{First: first, After: after, Last: last, Before: before})
}

// OwnerOf is what it owns.
func (e node) OwnerOf(
	includeDescendants, includeAncestors *bool, filter *EntityFilter, orderBy []*EntityOrder,
	first *int, after *string, last *int, before *string,
) (*EntityConnection, error) {
	owned := index.OwnedBy{Owner: e.entity().Ref, Descendants: isTrue(includeDescendants), Ancestors: isTrue(includeAncestors)}
	return List(e.x, owned, filter, nil, orderBy, relay.Args{First: first, After: after, Last: last, Before: before})
}

// EntityProfile says how to show and reach a group or a user.
type EntityProfile struct {
	DisplayName *string
	Email       *string
	Picture     *string
}

// Profile is the profile, or nil where the file has none.
func (e node) Profile() *EntityProfile {
	profile, ok := e.entity().Spec["profile"].(map[string]any)
	if !ok {
		return nil
	}
	text := func(field string) *string {
		value, _ := profile[field].(string)
		return orNil(value)
	}
	return &EntityProfile{text("displayName"), text("email"), text("picture")}
}

// Targets are the files a location names.
func (e node) Targets() []string {
	out := []string{}
	spec := e.entity().Spec
	if target, ok := spec["target"].(string); ok {
		out = append(out, target)
	}
	if targets, ok := spec["targets"].([]any); ok {
		for _, target := range targets {
			if text, ok := target.(string); ok {
				out = append(out, text)
			}
		}
	}
	return out
}

func isTrue(b *bool) bool { return b != nil && *b }
