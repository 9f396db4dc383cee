package view

import (
	"callboard.dev/callboard/subgraphs/catalog/index"
	"callboard.dev/callboard/subgraphs/relay"
)

// EntityConnection is a list of entities of any kind, in pages, with the counts of all pages.
type EntityConnection struct {
	x    *index.Index
	set  index.Set
	page index.Page
}

// EntityEdge is an entity in a list.
type EntityEdge struct {
	Cursor string
	Node   CatalogEntity
}

// Nodes are the page's entities.
func (c *EntityConnection) Nodes() []CatalogEntity {
	out := make([]CatalogEntity, len(c.page.IDs))
	for i, id := range c.page.IDs {
		out[i] = Of(c.x, id)
	}
	return out
}

// Edges are the page's entities, each with its cursor.
func (c *EntityConnection) Edges() []EntityEdge {
	out := make([]EntityEdge, len(c.page.IDs))
	for i, id := range c.page.IDs {
		out[i] = EntityEdge{c.page.Cursors[i], Of(c.x, id)}
	}
	return out
}

// PageInfo tells where the page lies.
func (c *EntityConnection) PageInfo() relay.PageInfo { return c.page.Info }

// TotalCount tells how many entities there are on all pages.
func (c *EntityConnection) TotalCount() int { return c.page.Total }

// maxFacetValues is the most values of one field that one request may ask for.
const maxFacetValues = 1000

// Facet tells how often each value of a field occurs.
type Facet struct {
	Field      FacetField
	Values     []FacetValue
	TotalCount int
	Without    int
}

// FacetValue is a value and how often it occurs.
type FacetValue struct {
	Value string
	Count int
}

// Facets counts the values of some fields on all pages.
func (c *EntityConnection) Facets(of []FacetField, first int) ([]Facet, error) {
	if first < 0 || first > maxFacetValues {
		return nil, Refuse(CodeBadPage, "first must be from 0 to %d, got %d", maxFacetValues, first)
	}
	if len(of) > len(facetFields)+3 {
		return nil, Refuse(CodeBadPage, "name each field to count once")
	}
	out := make([]Facet, len(of))
	for i, field := range of {
		counted := c.facet(field, first)
		out[i] = Facet{Field: field, Values: make([]FacetValue, len(counted.Counts)), TotalCount: counted.Distinct, Without: counted.Without}
		for j, count := range counted.Counts {
			out[i].Values[j] = FacetValue(count)
		}
	}
	return out, nil
}

func (c *EntityConnection) facet(field FacetField, limit int) index.Facet {
	switch field {
	case "TAG":
		return c.x.FacetTags(c.set, limit)
	case "LABEL":
		return c.x.FacetLabels(c.set, limit)
	case "ANNOTATION":
		return c.x.FacetAnnotations(c.set, limit)
	}
	return c.x.Facet(c.set, facetFields[field], limit)
}

// Relation is a relation of one entity to another, which need not be there.
type Relation struct {
	Type      string
	TargetRef string
	Missing   *index.Missing

	x  *index.Index
	id index.ID
}

// Target is the entity at the other end, or nil where it is not there.
func (r *Relation) Target() CatalogEntity {
	if r.Missing != nil {
		return nil
	}
	return Of(r.x, r.id)
}

// RelationEdge is a relation in a list.
type RelationEdge struct {
	Cursor string
	Node   *Relation
}

// RelationConnection is a list of relations, in pages.
type RelationConnection struct {
	Edges      []RelationEdge
	Nodes      []*Relation
	PageInfo   relay.PageInfo
	TotalCount int
}

func newRelationConnection(x *index.Index, edges []index.Edge, args relay.Args) (*RelationConnection, error) {
	page, err := relay.Cut(edges, args, func(e index.Edge) string { return e.Type + " " + e.Target.String() }, nil)
	if err != nil {
		return nil, pageError(err)
	}
	out := &RelationConnection{
		Edges: make([]RelationEdge, len(page.Items)), Nodes: make([]*Relation, len(page.Items)),
		PageInfo: relay.PageInfo(page.Info), TotalCount: page.TotalCount,
	}
	for i, edge := range page.Items {
		relation := &Relation{Type: edge.Type, TargetRef: edge.Target.String(), x: x, id: edge.ID}
		if edge.Reason != "" {
			relation.Missing = &page.Items[i].Reason
		}
		out.Nodes[i] = relation
		out.Edges[i] = RelationEdge{page.Cursors[i], relation}
	}
	return out, nil
}

// MissingTarget is an entity that a list names and that cannot be given.
type MissingTarget struct {
	Ref    string
	Reason index.Missing
}

// Connection is a list of entities of one kind, in pages.
type Connection[Node, Edge any] struct {
	Edges      []Edge
	Nodes      []Node
	PageInfo   relay.PageInfo
	TotalCount int
	Missing    []MissingTarget
}

// newConnection lists the targets of an entity's relations that are of the kind. What is not there is in Missing; what is of
// another kind is too, unless the relation is shared by several lists, each of one kind.
func newConnection[Node, Edge any](
	e node, relation, kind string, shared bool, args relay.Args, show func(node) Node, edge func(string, Node) Edge,
) (Connection[Node, Edge], error) {
	out := Connection[Node, Edge]{Missing: []MissingTarget{}}
	var there []index.Edge
	for _, one := range e.x.Relations(e.id, relation) {
		switch {
		case one.Target.Kind != kind && shared:
		case one.Reason != "":
			out.Missing = append(out.Missing, MissingTarget{one.Target.String(), one.Reason})
		case one.Target.Kind != kind:
			out.Missing = append(out.Missing, MissingTarget{one.Target.String(), index.MissingWrongKind})
		default:
			there = append(there, one)
		}
	}
	page, err := relay.Cut(there, args, func(e index.Edge) string { return e.Target.String() }, nil)
	if err != nil {
		return out, pageError(err)
	}
	out.PageInfo, out.TotalCount = page.Info, page.TotalCount
	out.Nodes, out.Edges = make([]Node, len(page.Items)), make([]Edge, len(page.Items))
	for i, one := range page.Items {
		out.Nodes[i] = show(node{e.x, one.ID})
		out.Edges[i] = edge(page.Cursors[i], out.Nodes[i])
	}
	return out, nil
}

// The lists of one kind each, and their edges.
type (
	ComponentConnection struct {
		Connection[*Component, ComponentEdge]
	}
	ComponentEdge struct {
		Cursor string
		Node   *Component
	}
	APIConnection struct {
		Connection[*API, APIEdge]
	}
	APIEdge struct {
		Cursor string
		Node   *API
	}
	ResourceConnection struct {
		Connection[*Resource, ResourceEdge]
	}
	ResourceEdge struct {
		Cursor string
		Node   *Resource
	}
	SystemConnection struct {
		Connection[*System, SystemEdge]
	}
	SystemEdge struct {
		Cursor string
		Node   *System
	}
	DomainConnection struct {
		Connection[*Domain, DomainEdge]
	}
	DomainEdge struct {
		Cursor string
		Node   *Domain
	}
	GroupConnection struct {
		Connection[*Group, GroupEdge]
	}
	GroupEdge struct {
		Cursor string
		Node   *Group
	}
	UserConnection struct {
		Connection[*User, UserEdge]
	}
	UserEdge struct {
		Cursor string
		Node   *User
	}
)

func (e node) components(relation string, shared bool, args relay.Args) (*ComponentConnection, error) {
	c, err := newConnection(e, relation, "component", shared, args,
		func(e node) *Component { return &Component{e} },
		func(cursor string, n *Component) ComponentEdge { return ComponentEdge{cursor, n} })
	return &ComponentConnection{c}, err
}

func (e node) apis(relation string, shared bool, args relay.Args) (*APIConnection, error) {
	c, err := newConnection(e, relation, "api", shared, args,
		func(e node) *API { return &API{e} },
		func(cursor string, n *API) APIEdge { return APIEdge{cursor, n} })
	return &APIConnection{c}, err
}

func (e node) resources(relation string, shared bool, args relay.Args) (*ResourceConnection, error) {
	c, err := newConnection(e, relation, "resource", shared, args,
		func(e node) *Resource { return &Resource{e} },
		func(cursor string, n *Resource) ResourceEdge { return ResourceEdge{cursor, n} })
	return &ResourceConnection{c}, err
}

func (e node) systems(relation string, shared bool, args relay.Args) (*SystemConnection, error) {
	c, err := newConnection(e, relation, "system", shared, args,
		func(e node) *System { return &System{e} },
		func(cursor string, n *System) SystemEdge { return SystemEdge{cursor, n} })
	return &SystemConnection{c}, err
}

func (e node) domains(relation string, shared bool, args relay.Args) (*DomainConnection, error) {
	c, err := newConnection(e, relation, "domain", shared, args,
		func(e node) *Domain { return &Domain{e} },
		func(cursor string, n *Domain) DomainEdge { return DomainEdge{cursor, n} })
	return &DomainConnection{c}, err
}

func (e node) groups(relation string, args relay.Args) (*GroupConnection, error) {
	c, err := newConnection(e, relation, "group", false, args,
		func(e node) *Group { return &Group{e} },
		func(cursor string, n *Group) GroupEdge { return GroupEdge{cursor, n} })
	return &GroupConnection{c}, err
}

func (e node) users(relation string, args relay.Args) (*UserConnection, error) {
	c, err := newConnection(e, relation, "user", false, args,
		func(e node) *User { return &User{e} },
		func(cursor string, n *User) UserEdge { return UserEdge{cursor, n} })
	return &UserConnection{c}, err
}
