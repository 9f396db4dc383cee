// Package clientstest holds what the simulators of upstream systems share: a GraphQL server over plain values, faults that are
// switched on and off while a simulator runs, a log of what was asked, and the paging and validators of REST. A schema and Go
// values, or an http.Handler, go in; answers as a vendor would give them come out.
//
// The one rule: nothing here knows a vendor, and nothing here makes an answer easier to read than a real server would.
//
// Open graphql.go for the GraphQL server, faults.go for what can go wrong, watch.go for the log.
package clientstest
