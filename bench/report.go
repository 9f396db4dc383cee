package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report is everything that was measured in one run.
type report struct {
	Started     time.Time  `json:"started"`
	Go          string     `json:"go"`
	System      string     `json:"system"`
	Processors  int        `json:"processors"`
	Connections int        `json:"connections"`
	Seconds     float64    `json:"seconds"` // of a round
	Load        [2]string  `json:"load"`    // load averages before and after; empty where the system does not tell
	CPU         bool       `json:"cpu"`     // whether the system tells what processes use
	Outcomes    []*outcome `json:"scenarios"`
}

// outcome is what was measured of one scenario.
type outcome struct {
	Case         string `json:"case"`
	Scenario     string `json:"scenario"`
	RequestBytes int    `json:"request_bytes"`
	AnswerBytes  int    `json:"answer_bytes"`
	FloorWaves   []int  `json:"floor_waves"` // calls in each
	Rows         []*row `json:"contenders"`
}

// row is what was measured of one contender. The floor is the first of an outcome.
type row struct {
	Name   string            `json:"name"`
	Body   likeness          `json:"body"`
	Faults int64             `json:"faults"` // requests of it that a strict subgraph would have refused, before the rounds
	Fault  string            `json:"fault,omitempty"`
	Median map[string]figure `json:"median"`
	Ratio  map[string]figure `json:"ratio"` // to the floor
	Rounds []sample          `json:"rounds"`

	peak float64 // megabytes
}

// column is a figure of the table.
type column struct {
	name   string // in JSON
	title  string
	digits int // after the point
	ratio  bool
	of     func(sample) figure // nil: not one of a round
}

var columns = []column{
	{"requests_per_second", "req/s", 0, true, func(s sample) figure { return s.PerSecond }},
	{"cpu_ms", "CPU ms", 3, true, func(s sample) figure { return s.CPU }},
	{"p50_ms", "p50 ms", 1, true, func(s sample) figure { return s.P50 }},
	{"p99_ms", "p99 ms", 1, true, func(s sample) figure { return s.P99 }},
	{"peak_mb", "peak MB", 0, true, nil},
	{"calls", "calls", 2, true, func(s sample) figure { return s.Calls }},
	{"stand_ins_cpu_ms", "stand-ins", 3, false, func(s sample) figure { return s.StandInsCPU }},
	{"client_cpu_ms", "client", 3, false, func(s sample) figure { return s.ClientCPU }},
	{"processors", "busy", 2, false, func(s sample) figure { return s.Busy }},
}

func newReport(set settings) *report {
	return &report{Started: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.NumCPU(),
		Connections: set.connections, Seconds: set.duration.Seconds(), Load: [2]string{loadAverage(), ""}, CPU: procAvailable()}
}

func newOutcome(st *stage) *outcome {
	o := &outcome{Case: st.benchCase.Name, Scenario: st.scenario.Name, RequestBytes: len(st.scenario.Body), AnswerBytes: len(st.scenario.Want)}
	for _, wave := range st.scenario.Waves {
		o.FloorWaves = append(o.FloorWaves, len(wave))
	}
	for _, c := range st.contenders {
		o.Rows = append(o.Rows, &row{Name: c.name, Body: c.body, Faults: c.faults, Fault: c.fault, peak: math.NaN()})
	}
	return o
}

// summarise fills in medians and ratios. A ratio is the median of the ratios inside each round, where both had the same neighbours.
func (o *outcome) summarise() {
	for _, r := range o.Rows {
		r.Median, r.Ratio = map[string]figure{}, map[string]figure{}
		for _, c := range columns {
			if c.of == nil {
				r.Median[c.name] = figure(r.peak)
				r.Ratio[c.name] = figure(r.peak / o.Rows[0].peak)
				continue
			}
			var values, ratios []figure
			for i, s := range r.Rounds {
				values = append(values, c.of(s))
				ratios = append(ratios, c.of(s)/c.of(o.Rows[0].Rounds[i]))
			}
			r.Median[c.name] = median(values)
			if c.ratio {
				r.Ratio[c.name] = median(ratios)
			}
		}
	}
}

// writeJSON writes the report as one JSON document.
func (r *report) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// write writes the report for people.
func (r *report) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s, %d processors; %d connections, rounds of %gs; medians, x is the ratio to the floor\n", r.System, r.Go, r.Processors, r.Connections, r.Seconds)
	if r.Load[0] != "" {
		fmt.Fprintf(w, "load averages: %s before, %s after\n", r.Load[0], r.Load[1])
	}
	if !r.CPU {
		fmt.Fprintln(w, "This system has no /proc: CPU and memory are not measured. Run the harness on Linux for them.")
	}
	for _, o := range r.Outcomes {
		if err := o.write(w); err != nil {
			return err
		}
	}
	return nil
}

func (o *outcome) write(w io.Writer) error {
	fmt.Fprintf(w, "\n%s %s: request %d bytes, answer %d bytes; the floor's calls in waves: %s\n", o.Case, o.Scenario, o.RequestBytes, o.AnswerBytes,
		strings.Trim(fmt.Sprint(o.FloorWaves), "[]"))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	cells := []string{""}
	for _, c := range columns {
		cells = append(cells, c.title)
		if c.ratio {
			cells = append(cells, "x")
		}
	}
	cells = append(cells, "body")
	fmt.Fprintln(table, strings.Join(cells, "\t")+"\t")
	for _, r := range o.Rows {
		cells := []string{r.Name}
		for _, c := range columns {
			cells = append(cells, text(r.Median[c.name], c.digits))
			if c.ratio {
				cells = append(cells, text(r.Ratio[c.name], 2))
			}
		}
		cells = append(cells, string(r.Body))
		fmt.Fprintln(table, strings.Join(cells, "\t")+"\t")
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range o.Rows {
		r.remark(w)
	}
	return nil
}

// remark tells what makes the figures of a row doubtful.
func (r *row) remark(w io.Writer) {
	failures, first := 0, ""
	var executed int64
	for _, s := range r.Rounds {
		if failures += s.Failures; first == "" {
			first = s.Failure
		}
		executed += s.Executed
	}
	if failures > 0 {
		fmt.Fprintf(w, "  %s: %d requests failed, the first: %s\n", r.Name, failures, first)
	}
	if executed > 0 {
		fmt.Fprintf(w, "  %s: the stand-ins had to work for %d calls that they had not seen before\n", r.Name, executed)
	}
	if r.Faults > 0 {
		fmt.Fprintf(w, "  %s: a strict subgraph would have refused %d of its calls, such as: %s\n", r.Name, r.Faults, strings.Join(strings.Fields(excerpt([]byte(r.Fault))), " "))
	}
}

func text(f figure, digits int) string {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return "-"
	}
	return fmt.Sprintf("%.*f", digits, float64(f))
}
