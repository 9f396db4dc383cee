package gitlabtest

import (
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/clientstest"
)

//go:embed schema.graphqls
var schemaText string

// GitLab's limits of one query ("Limits" of the GraphQL API in its documentation).
const (
	mostQuery         = 10_000 // characters
	mostGraphPage     = 100
	mostFullPaths     = 50
	complexityNobody  = 200
	complexitySigned  = 250
	mostBody          = 1 << 20
	complexityMessage = "Query has complexity of %d, which exceeds max complexity of %d"
)

type callKey struct{}

// newGraph returns the GraphQL server. The free tier's schema lacks what is marked as paid.
func newGraph(s *Server, free bool) (*clientstest.GraphQL, error) {
	var sdl strings.Builder
	for line := range strings.Lines(schemaText) {
		if !free || !strings.HasSuffix(strings.TrimSpace(line), "# paid") {
			sdl.WriteString(line)
		}
	}
	resolvers := clientstest.Resolvers{}
	maps.Copy(resolvers, rootResolvers)
	maps.Copy(resolvers, projectResolvers)
	maps.Copy(resolvers, repositoryResolvers)
	maps.Copy(resolvers, mergeRequestResolvers)
	maps.Copy(resolvers, pipelineResolvers)
	if free {
		delete(resolvers, "Project.vulnerabilitySeveritiesCount")
	}
	graph, err := clientstest.NewGraphQL(sdl.String(), resolvers)
	if err != nil {
		return nil, err
	}
	graph.Scalars = map[string]clientstest.Scalar{"Time": func(value any) (any, error) {
		if t, ok := value.(time.Time); ok {
			return t.Format(time.RFC3339), nil // commits keep their zone
		}
		return value, nil
	}}
	return graph, nil
}

// refuse is an answer of GraphQL that has errors alone.
func refuse(messages ...string) object {
	return object{"errors": each(messages, func(text string) object { return object{"message": text} })}
}

// serveGraph answers a GraphQL request.
func (s *Server) serveGraph(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		answer(w, r, http.StatusRequestEntityTooLarge, refuse("Request body too large"))
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.newCall(w, r)
	if err := c.admit(); err != nil {
		var f fault
		if errors.As(err, &f) && f.status == http.StatusUnauthorized {
			answer(w, r, http.StatusUnauthorized, refuse("Invalid token"))
			return
		}
		c.fail(err)
		return
	}
	var request clientstest.Request
	if err := json.Unmarshal(body, &request); err != nil || request.Query == "" {
		answer(w, r, http.StatusUnprocessableEntity, refuse("Unexpected end of document"))
		return
	}
	if len(request.Query) > mostQuery {
		answer(w, r, http.StatusOK, refuse("Query too large"))
		return
	}
	operation, failed := s.graph.Prepare(request)
	if len(failed) > 0 {
		answer(w, r, http.StatusOK, object{"errors": failed})
		return
	}
	limit := complexityNobody
	if c.viewer != nil {
		limit = complexitySigned
	}
	score := complexity(s.graph.Schema, operation)
	s.Watch.Charge("complexity", score)
	if score > limit {
		answer(w, r, http.StatusOK, refuse(fmt.Sprintf(complexityMessage, score, limit)))
		return
	}
	ctx := context.WithValue(r.Context(), callKey{}, &graphCall{call: c, score: score, limit: limit})
	result := operation.Execute(ctx)
	w.Header().Set("Cache-Control", "max-age=0, private, must-revalidate")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(clientstest.JSON(result))
}

// graphCall is a GraphQL request under way.
type graphCall struct {
	*call
	score, limit int
}

func callOf(ctx context.Context) *graphCall { return ctx.Value(callKey{}).(*graphCall) }

// gid is a global id.
func gid(kind string, id int64) string {
	return "gid://gitlab/" + kind + "/" + strconv.FormatInt(id, 10)
}

// idOf reads the number of a global id of a kind, or a bare number; 0 for anything else.
func idOf(kind, text string) int64 {
	id, _ := strconv.ParseInt(strings.TrimPrefix(text, "gid://gitlab/"+kind+"/"), 10, 64)
	return id
}

// connection is one page of a list.
type connection struct {
	Nodes    []any
	Edges    []object
	PageInfo object
	Count    int
}

// cursor is what GitLab's keyset pagination has in a cursor: the columns of the order, here the id and where it was.
type cursor struct {
	ID string `json:"id"`
	At int    `json:"at"`
}

// connect returns the page of a list that the arguments ask for. Pages hold at most 100, whatever is asked.
func connect[T any](args clientstest.Args, list []T, id func(T) string) (connection, error) {
	first, forward := args.Int("first")
	last, backward := args.Int("last")
	if forward && backward {
		return connection{}, errors.New("Can only provide either `first` or `last`, not both") //lint:ignore ST1005 it is shown to clients
	}
	if first < 0 || last < 0 {
		return connection{}, errors.New("`first` and `last` must not be negative")
	}
	begin, end := 0, len(list)
	for name, into := range map[string]*int{"after": &begin, "before": &end} {
		text := args.Text(name)
		if text == "" {
			continue
		}
		var c cursor
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err == nil {
			err = json.Unmarshal(raw, &c)
		}
		if err != nil {
			return connection{}, errors.New("Please provide a valid cursor") //lint:ignore ST1005 it is shown to clients
		}
		at := slices.IndexFunc(list, func(one T) bool { return id(one) == c.ID })
		switch {
		case at < 0:
			at = c.At // it went meanwhile: what came after it has moved up
		case name == "after":
			at++
		}
		*into = min(max(at, 0), len(list))
	}
	begin = min(begin, end)
	from, to := begin, min(end, begin+mostGraphPage)
	switch {
	case forward:
		to = min(end, begin+min(first, mostGraphPage))
	case backward:
		from, to = max(begin, end-min(last, mostGraphPage)), end
	}
	out := connection{Count: len(list), Nodes: []any{}, Edges: []object{}}
	info := object{"hasNextPage": to < len(list), "hasPreviousPage": from > 0, "startCursor": nil, "endCursor": nil}
	for i := from; i < to; i++ {
		text, err := json.Marshal(cursor{id(list[i]), i})
		if err != nil {
			return connection{}, err
		}
		mark := base64.RawURLEncoding.EncodeToString(text)
		if i == from {
			info["startCursor"] = mark
		}
		info["endCursor"] = mark
		out.Nodes = append(out.Nodes, list[i])
		out.Edges = append(out.Edges, object{"cursor": mark, "node": list[i]})
	}
	out.PageInfo = info
	return out, nil
}

var rootResolvers = clientstest.Resolvers{
	"Query.echo": func(ctx context.Context, at clientstest.Field) (any, error) {
		name := "nil"
		if c := callOf(ctx); c.viewer != nil {
			name = strconv.Quote(c.viewer.Username)
		}
		return name + " says: " + at.Args.Text("text"), nil
	},
	"Query.metadata": func(ctx context.Context, at clientstest.Field) (any, error) {
		c := callOf(ctx)
		if c.viewer == nil {
			return nil, nil
		}
		return object{"version": c.settings.Version, "revision": "0a1b2c3d4e5", "enterprise": !c.settings.Free}, nil
	},
	"Query.queryComplexity": func(ctx context.Context, at clientstest.Field) (any, error) {
		c := callOf(ctx)
		return object{"score": c.score, "limit": c.limit}, nil
	},
	"Query.currentUser": func(ctx context.Context, at clientstest.Field) (any, error) {
		c := callOf(ctx)
		if c.viewer == nil {
			return nil, nil
		}
		return graphUser{c, c.viewer, nil}, nil
	},
	"Query.user": func(ctx context.Context, at clientstest.Field) (any, error) {
		c := callOf(ctx)
		u := c.world.user(at.Args.Text("username"))
		if text := at.Args.Text("id"); text != "" {
			u = c.world.byUserID[idOf("User", text)]
		}
		if u == nil {
			return nil, nil
		}
		return graphUser{c, u, nil}, nil
	},
	"Query.users": func(ctx context.Context, at clientstest.Field) (any, error) {
		c := callOf(ctx)
		var found []graphUser
		search := strings.ToLower(at.Args.Text("search"))
		for _, u := range c.world.users {
			if at.Args.Given("usernames") && !slices.ContainsFunc(at.Args.Texts("usernames"), func(n string) bool { return strings.EqualFold(n, u.Username) }) ||
				at.Args.Given("ids") && !slices.Contains(at.Args.Texts("ids"), gid("User", u.ID)) ||
				!strings.Contains(strings.ToLower(u.Username+"\n"+u.Name), search) {
				continue
			}
			found = append(found, graphUser{c, u, nil})
		}
		slices.SortFunc(found, func(a, b graphUser) int { return int(b.u.ID - a.u.ID) })
		return connect(at.Args, found, graphUser.ID)
	},
	"Query.group": func(ctx context.Context, at clientstest.Field) (any, error) {
		c := callOf(ctx)
		g := c.world.group(at.Args.Text("fullPath"))
		if g == nil || !c.world.seesGroup(c.viewer, g) {
			return nil, nil
		}
		return graphGroup{c, g}, nil
	},
	"Query.project": func(ctx context.Context, at clientstest.Field) (any, error) {
		c := callOf(ctx)
		return c.graphProject(c.world.project(at.Args.Text("fullPath"))), nil
	},
	"Query.projects": func(ctx context.Context, at clientstest.Field) (any, error) {
		c := callOf(ctx)
		paths, search := at.Args.Texts("fullPaths"), strings.ToLower(at.Args.Text("search"))
		if len(paths) > mostFullPaths {
			return nil, fmt.Errorf("You cannot provide more than %d full_paths", mostFullPaths) //lint:ignore ST1005 it is shown to clients
		}
		var found []graphProject
		for _, p := range slices.Backward(c.world.order) {
			text := p.Name + "\n" + p.Description
			if at.Args.True("searchNamespaces") {
				text += "\n" + p.Path
			}
			switch {
			case !c.world.sees(c.viewer, p),
				at.Args.Given("fullPaths") && !slices.ContainsFunc(paths, func(path string) bool { return strings.EqualFold(path, p.Path) }),
				at.Args.Given("ids") && !slices.Contains(at.Args.Texts("ids"), gid("Project", p.ID)),
				at.Args.True("membership") && c.world.access(c.viewer, p) == NoAccess,
				!strings.Contains(strings.ToLower(text), search),
				slices.ContainsFunc(at.Args.Texts("topics"), func(t string) bool { return !slices.Contains(p.Topics, t) }):
				continue
			}
			found = append(found, graphProject{c, p})
		}
		switch at.Args.Text("sort") {
		case "", "id_desc":
		case "id_asc":
			slices.Reverse(found)
		case "name_asc":
			slices.SortStableFunc(found, func(a, b graphProject) int { return strings.Compare(a.p.Name, b.p.Name) })
		default:
			return nil, fmt.Errorf("this simulator does not sort projects by %q", at.Args.Text("sort"))
		}
		return connect(at.Args, found, graphProject.ID)
	},
	"Query.mergeRequest": func(ctx context.Context, at clientstest.Field) (any, error) {
		c := callOf(ctx)
		for _, p := range c.world.order {
			for _, m := range p.mergeRequests {
				if gid("MergeRequest", m.ID) == at.Args.Text("id") && c.world.sees(c.viewer, p) {
					return graphMergeRequest{c, p, m}, nil
				}
			}
		}
		return nil, nil
	},
}
