package compose

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// override says which subgraph takes a field over, and for which part of the requests.
type override struct {
	by    *subgraph
	label string // "": for all of them
}

// isLabel says whether text can be the label of an override: percent(x) with x from 0 to 100, or a name that begins with a
// letter and may hold digits, _, -, :, . and /.
func isLabel(text string) bool {
	if number, ok := strings.CutPrefix(text, "percent("); ok {
		number, ok = strings.CutSuffix(number, ")")
		if !ok || strings.Trim(number, "0123456789.") != "" {
			return false
		}
		percent, err := strconv.ParseFloat(number, 64)
		return err == nil && percent >= 0 && percent <= 100
	}
	for i := range len(text) {
		switch b := text[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z':
		case i > 0 && ('0' <= b && b <= '9' || strings.IndexByte("_-:./", b) >= 0):
		default:
			return false
		}
	}
	return text != ""
}

// readOverrides notes which fields are taken over by another subgraph.
func (c *composition) readOverrides() {
	c.overrides = map[string]map[string]*override{}
	byName := map[string]*subgraph{}
	for _, s := range c.subgraphs {
		byName[s.Name] = s
	}
	for _, s := range c.subgraphs {
		for _, name := range s.order {
			for _, f := range s.types[name].Fields {
				d := s.find(f.Directives, "override")
				if d == nil || s.types[name].Kind == ast.InputObject {
					continue
				}
				c.readOverride(s, byName[stringArgument(d, "from")], name, f, d)
			}
		}
	}
}

func (c *composition) readOverride(s, from *subgraph, name string, f *ast.FieldDefinition, d *ast.Directive) {
	at := coordinate(name, f.Name)
	place := s.place(d.Position)
	label := stringArgument(d, "label")
	if from == nil {
		c.hint(OverriddenSubgraphMissing, fmt.Sprintf("@%s on %s names the subgraph %q, which is not composed; remove it once the move is over", d.Name, at, stringArgument(d, "from")), place)
		return
	}
	var other *ast.FieldDefinition
	if def := from.types[name]; def != nil {
		other = from.fields(def)[f.Name]
	}
	switch {
	case other == nil || from.uses.external[at]:
		c.hint(OverrideCanBeRemoved, fmt.Sprintf("%q does not resolve %s any more; remove @%s", from.Name, at, d.Name), place)
		return
	case from.find(other.Directives, "override") != nil:
		c.fail(OverrideSourceHasOverride, fmt.Sprintf("%s overrides the field of %q, which is itself an override; keep one", at, from.Name), place, from.place(other.Position))
		return
	case from.isInterfaceObject(from.types[name]):
		c.fail(OverrideCollision, fmt.Sprintf("%s is a field of an @interfaceObject in %q, which cannot be overridden", at, from.Name), place, from.place(other.Position))
		return
	}
	for _, directive := range []string{"requires", "provides"} {
		if clash := from.find(other.Directives, directive); clash != nil {
			c.fail(OverrideCollision, fmt.Sprintf("%s has @%s in %q, so it cannot be overridden; remove that first", at, clash.Name, from.Name), place, from.place(clash.Position))
			return
		}
	}
	if c.overrides[from.Name] == nil {
		c.overrides[from.Name] = map[string]*override{}
	}
	if before := c.overrides[from.Name][at]; before != nil {
		c.fail(OverrideSourceHasOverride, fmt.Sprintf("%q and %q both override %s of %q; keep one", before.by.Name, s.Name, at, from.Name), place, from.place(other.Position))
		return
	}
	c.overrides[from.Name][at] = &override{s, label}
	switch {
	case label != "":
		c.labels = true
		c.hint(MigrationInProgress, fmt.Sprintf("%s is moving from %q to %q", at, from.Name, s.Name), place)
	case !from.uses.used[at]:
		c.hint(OverriddenFieldCanBeRemoved, fmt.Sprintf("%s is overridden by %q and not used in %q; remove it there", at, s.Name, from.Name), from.place(other.Position))
	}
}

// overridden returns what takes a field of the subgraph over, or nil.
func (c *composition) overridden(s *subgraph, at string) *override { return c.overrides[s.Name][at] }
