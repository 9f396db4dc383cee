// Package cache remembers what upstream systems and subgraphs answered. Keys and a function that asks the source go in; values come out, each
// with the state it is in: live, cached, stale or failed.
//
// The one rule: a cache never makes a request fail, or wait longer than a small budget, because the cache's own store is down.
package cache

import (
	"context"
	"crypto/sha256"
	"time"
)

// Key names a value.
type Key struct {
	Source, Kind string
	Scope        Scope
	Name         string
}

// Scope says whose credentials a value is read with; zero is what anybody may see.
type Scope [16]byte

// ScopeOf returns the scope of a credential.
func ScopeOf(credential string) Scope {
	if credential == "" {
		return Scope{}
	}
	sum := sha256.Sum256([]byte(credential))
	return Scope(sum[:16])
}

// Policy says how long a value may be shown.
type Policy struct {
	Fresh, Revalidate, OnError, Absent time.Duration
}

// State says where a value came from.
type State uint8

// The states of a value.
const (
	Live State = iota
	Cached
	Stale
	Failed
)

// Value is what a source answered.
type Value struct {
	Body      []byte
	Absent    bool
	Validator string
	At        time.Time
	Tags      []string
	Policy    *Policy
	NoStore   bool
}

// Wanted is what a caller asks for.
type Wanted struct {
	Key    Key
	Policy Policy
	Tags   []string
}

// Missing is what the cache needs from the source.
type Missing struct {
	Index    int
	Previous *Value
}

// Fetched is what the source said.
type Fetched struct {
	Value     Value
	Unchanged bool
	Err       error
	Final     bool
}

// Fetch asks the source.
type Fetch func(ctx context.Context, missing []Missing) []Fetched

// Result is a value and the state it is in.
type Result struct {
	Value Value
	State State
	Err   error
}

// Cache remembers values.
type Cache struct{}

// Urgency says who waits for a request.
type Urgency uint8

// The urgencies.
const (
	Background Urgency = iota
	Renewal
	Needed
)

type urgencyKey struct{}

// UrgencyOf returns the urgency of a context.
func UrgencyOf(ctx context.Context) Urgency {
	if u, ok := ctx.Value(urgencyKey{}).(Urgency); ok {
		return u
	}
	return Needed
}
