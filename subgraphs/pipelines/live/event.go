package live

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
)

// position is where an event stands: in the stream, where it is what Redis calls its ID, or in the counting of one process, where high begins with a bit that no time
// in milliseconds has. The zero position is before all events.
type position struct{ high, low uint64 }

const ownCounting = 1 << 63

// newCounting begins a counting that no other process has, nor this one of another topic.
func newCounting() position {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return position{high: binary.BigEndian.Uint64(b[:]) | ownCounting}
}

// String is a position as Redis writes it; empty for the zero one.
func (p position) String() string {
	if p == (position{}) {
		return ""
	}
	return strconv.FormatUint(p.high, 10) + "-" + strconv.FormatUint(p.low, 10)
}

// parsePosition reads what Redis writes.
func parsePosition(text string) (position, bool) {
	high, low, ok := strings.Cut(text, "-")
	h, err := strconv.ParseUint(high, 10, 63)
	l, wrong := strconv.ParseUint(low, 10, 64)
	return position{h, l}, ok && err == nil && wrong == nil && position{h, l} != position{}
}

// An Event.ID is the beginning of the topic's key and a position.
const (
	idKey   = 8
	idBytes = idKey + 16
)

func (t *topic) id(p position) string {
	b := make([]byte, 0, idBytes)
	b = append(b, t.mark[:]...)
	b = binary.BigEndian.AppendUint64(b, p.high)
	b = binary.BigEndian.AppendUint64(b, p.low)
	return base64.RawURLEncoding.EncodeToString(b)
}

// position reads an ID of the topic. Others are none.
func (t *topic) position(id string) (position, bool) {
	if len(id) != base64.RawURLEncoding.EncodedLen(idBytes) {
		return position{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil || [idKey]byte(b) != t.mark {
		return position{}, false
	}
	p := position{binary.BigEndian.Uint64(b[idKey:]), binary.BigEndian.Uint64(b[idKey+8:])}
	return p, p != position{}
}

// end is whether anything comes after an event.
type end string

const (
	goesOn  end = ""
	done    end = "done"
	gone    end = "gone"  // the event has no data
	tooMuch end = "large" // likewise
)

// digest tells events that differ apart.
type digest [16]byte

// finding is what came of a look.
type finding struct {
	data   []byte
	end    end
	digest digest
}

func found(data []byte, e end) finding {
	if len(data) > MaxData {
		e = tooMuch
	}
	if e == gone || e == tooMuch {
		data = nil
	}
	sum := sha256.New()
	sum.Write([]byte(e + "\x00"))
	sum.Write(data)
	return finding{data, e, digest(sum.Sum(nil))}
}

// event is a finding that differs from the one before it.
type event struct {
	finding
	at, also position // it has two where this process found by itself what the stream has too
	gap      bool     // there may have been others before it that are not known
	when     int64    // in milliseconds of Redis's clock, about; of those that this process counted itself
}

// eventBytes is about what an event takes beside its data.
const eventBytes = 128

// size is about what it takes to keep, in bytes.
func (e *event) size() int64 { return eventBytes + int64(len(e.data)) }
