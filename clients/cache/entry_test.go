package cache

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
	"time"
)

func entries() []*Entry {
	at := time.UnixMicro(1_790_000_000_000_001)
	return []*Entry{
		{Value: Value{At: at}},
		{Value: Value{At: at, Absent: true}, Policy: Policy{Absent: time.Minute}},
		{Value: Value{At: at, Body: []byte(`{"a":1}`), Validator: `"x"`}, Policy: Policy{Fresh: 1, Revalidate: time.Hour, OnError: time.Minute}, Tags: []string{"a", ""}, Stamps: []Stamp{1, 0}},
		{Value: Value{At: at, Body: bytes.Repeat([]byte("many times "), 1000)}},
	}
}

func TestEntriesAreReadAsTheyWereWritten(t *testing.T) {
	for _, e := range entries() {
		got, err := decode("key", e.encode("key"))
		if err != nil {
			t.Fatal(err)
		}
		want := *e
		want.Policy.Fresh = e.Policy.Fresh.Truncate(time.Microsecond)
		if len(want.Value.Body) == 0 {
			want.Value.Body, got.Value.Body = nil, nil
		}
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%+v is read as %+v", want, *got)
		}
	}
	text := entries()[2].encode("key")
	if _, err := decode("another key", text); err == nil {
		t.Error("what was written for one key is read for another")
	}
	for i := range text {
		damaged := bytes.Clone(text)
		damaged[i] ^= 1
		if e, err := decode("key", damaged); err == nil {
			t.Errorf("with byte %d damaged it is read as %+v", i, e)
		}
	}
	large := entries()[3].encode("key")
	if len(large) > 2000 {
		t.Errorf("%d bytes are written of what repeats itself", len(large))
	}
}

// Whatever is in a store, it is an entry that can be written again, or none.
func FuzzDecode(f *testing.F) {
	for _, e := range entries() {
		text := e.encode("key")
		f.Add(text)
		f.Add(text[:len(text)-1])
	}
	f.Add([]byte{entryVersion + 1})
	f.Add([]byte("OK"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := decode("key", text)
		if err != nil {
			// The checksum keeps nearly everything out: with the right one more is reached.
			if len(text) < headerBytes {
				return
			}
			if e, err = decode("key", sealed(text)); err != nil {
				return
			}
		}
		again, err := decode("key", e.encode("key"))
		if err != nil || !again.Value.At.Equal(e.Value.At) || !bytes.Equal(again.Value.Body, e.Value.Body) || len(again.Tags) != len(e.Tags) {
			t.Errorf("%+v is read as %+v (%v)", e, again, err)
		}
	})
}

// sealed returns the text with the version and checksum that it would need.
func sealed(text []byte) []byte {
	out := append([]byte(nil), text...)
	out[0] = entryVersion
	binary.BigEndian.PutUint32(out[2:], checksum("key", out))
	return out
}
