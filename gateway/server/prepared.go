package server

import (
	"hash/maphash"
	"sync/atomic"
	"unsafe"

	"github.com/maypok86/otter/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
)

// prepared is a request that needs only to be executed: its text is valid, its variables fit, it has a plan. It is made for one graph.
type prepared struct {
	graph     *Graph
	name      string // the operation's, as the client gave it
	kind      ast.Operation
	plan      *plan.Plan
	variables operation.Variables
	sources   bool // whether the body asks for where the answer comes from
	shares    shares
}

// repeated keeps what was prepared for bodies that come more than once, by their bytes. A client that asks the same again is spared everything up to the
// plan.
type repeated struct {
	kept *otter.Cache[string, *prepared]
	// once has the hashes of bodies that came once, where a later one has not taken their place: a body that never comes again, as one with a variable
	// that always differs, takes no room in kept.
	once [onceSlots]atomic.Uint64
}

const (
	onceSlots     = 1 << 12
	repeatedBytes = 16 << 20 // the most that bodies kept may take, with what was prepared for them
)

var bodySeed = maphash.MakeSeed()

func newRepeated() *repeated {
	return &repeated{kept: otter.Must(&otter.Options[string, *prepared]{
		MaximumWeight: repeatedBytes,
		// The variables are a second copy, in pieces; and a plan that is dropped elsewhere stays for as long as something here needs it.
		Weigher: func(body string, p *prepared) uint32 { return uint32(3*len(body) + p.plan.Size() + entryBytes) },
	})}
}

// find returns what was prepared for the body.
func (k *repeated) find(body []byte) *prepared {
	// The key is only looked at: a copy of every body was a tenth of all the memory that requests took.
	p, _ := k.kept.GetIfPresent(unsafe.String(unsafe.SliceData(body), len(body)))
	return p
}

// add keeps what was prepared for the body if it came before.
func (k *repeated) add(body []byte, p *prepared) {
	hash := maphash.Bytes(bodySeed, body) | 1
	slot := &k.once[hash%onceSlots]
	if slot.Swap(hash) == hash {
		k.kept.Set(string(body), p)
	}
}
