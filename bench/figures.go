package main

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

// figure is a measured number; NaN where it is not known, which is null in JSON.
type figure float64

// MarshalJSON writes the number.
func (f figure) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// sample is what one round says of one contender.
type sample struct {
	Requests    int    `json:"requests"` // answered
	Failures    int    `json:"failures"`
	Failure     string `json:"failure,omitempty"` // the first
	Executed    int64  `json:"executed"`          // calls the stand-ins had not seen before, and had to work for
	PerSecond   figure `json:"requests_per_second"`
	CPU         figure `json:"cpu_ms"` // of the contender and what it started, per request
	P50         figure `json:"p50_ms"`
	P99         figure `json:"p99_ms"`
	Calls       figure `json:"calls"`            // of subgraphs, per request
	StandInsCPU figure `json:"stand_ins_cpu_ms"` // per request
	ClientCPU   figure `json:"client_cpu_ms"`    // per request
	Busy        figure `json:"processors"`       // in use by contender, stand-ins and client together
}

// percentile returns the smallest value that at least the share of all values do not exceed, in milliseconds. It sorts the values.
func percentile(values []time.Duration, share float64) figure {
	if len(values) == 0 {
		return figure(math.NaN())
	}
	slices.Sort(values)
	rank := int(math.Ceil(share * float64(len(values))))
	return milliseconds(values[min(max(rank, 1), len(values))-1])
}

func milliseconds(d time.Duration) figure { return figure(float64(d) / float64(time.Millisecond)) }

// median returns the middle value, or the mean of the two in the middle. Values that are not known are left out.
func median(values []figure) figure {
	known := slices.DeleteFunc(slices.Clone(values), func(f figure) bool { return math.IsNaN(float64(f)) })
	if len(known) == 0 {
		return figure(math.NaN())
	}
	slices.Sort(known)
	middle := len(known) / 2
	if len(known)%2 == 1 {
		return known[middle]
	}
	return (known[middle-1] + known[middle]) / 2
}
