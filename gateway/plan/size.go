package plan

// What the parts of a plan take in memory, in bytes, with what they point to where that is theirs alone. A test holds the sum against what plans really take.
const (
	fetchBytes          = 440
	entitiesBytes       = 330
	targetBytes         = 150
	stepBytes           = 64
	representationBytes = 150
	representedBytes    = 200 // a field of a representation
	selectionBytes      = 64
	selectedBytes       = 75 // a field of a selection
	objectBytes         = 100
	slotBytes           = 48
	shapeBytes          = 100
	shownBytes          = 130 // a field of a shape
	keyFieldBytes       = 48
	nameBytes           = 24 // a name in a list or a map, shared text left out
)

// Size is about how many bytes the plan takes in memory.
func (p *Plan) Size() int {
	size := shapeSize(p.Shape) + objectSize(p.Root, map[*Object]bool{})
	for _, f := range p.Fetches {
		size += fetchBytes + len(f.Text) + len(f.Prefix) + len(f.rootText) + selectionSize(f.Root) + stepBytes*len(f.At)
		for _, e := range f.Entities {
			size += entitiesBytes + len(e.text) + representedBytes*len(e.Context)
			for _, key := range e.Keys {
				size += keySize(key)
			}
			for _, t := range e.Targets {
				size += targetBytes + stepBytes*len(t.Path) + selectionSize(t.Selection)
				for _, r := range t.Representations {
					size += representationBytes + nameBytes*len(r.On) + representationSize(r.Fields)
				}
			}
		}
	}
	return size
}

func keySize(fields []KeyField) int {
	size := nameBytes + keyFieldBytes*len(fields)
	for i := range fields {
		size += keySize(fields[i].Fields)
	}
	return size
}

func representationSize(fields []RepresentationField) int {
	size := representedBytes * len(fields)
	for i := range fields {
		size += nameBytes*len(fields[i].On) + representationSize(fields[i].Fields)
	}
	return size
}

func selectionSize(s *Selection) int {
	if s == nil {
		return 0
	}
	size := selectionBytes + selectedBytes*len(s.Fields)
	for i := range s.Fields {
		size += selectionSize(s.Fields[i].Selection)
	}
	return size
}

func objectSize(o *Object, seen map[*Object]bool) int {
	if o == nil || seen[o] {
		return 0
	}
	seen[o] = true
	size := objectBytes + nameBytes*len(o.Types) + slotBytes*len(o.Slots)
	for i := range o.Slots {
		size += objectSize(o.Slots[i].Object, seen)
	}
	return size
}

func shapeSize(s *Shape) int {
	if s == nil {
		return 0
	}
	size := shapeBytes + 2*nameBytes*len(s.Types) + shownBytes*len(s.Fields)
	for i := range s.Fields {
		size += nameBytes*len(s.Fields[i].On) + shapeSize(s.Fields[i].Shape)
	}
	return size
}
