package main

import (
	"context"
	"math"
	"time"
)

// rounds measures every contender once, then every contender again, and so on: what else the machine does then meets them alike.
func (st *stage) rounds(ctx context.Context, progress func(format string, args ...any)) (*outcome, error) {
	out := newOutcome(st)
	for round := range st.settings.rounds {
		for i, c := range st.contenders {
			s, err := st.round(ctx, c)
			if err != nil {
				return nil, err
			}
			out.Rows[i].Rounds = append(out.Rows[i].Rounds, s)
			progress("  round %d  %-20s %8.0f requests/s  %7.3f ms of CPU each", round+1, c.name, s.PerSecond, s.CPU)
		}
	}
	for i, c := range st.contenders {
		if procAvailable() {
			u, err := usageOf(c.cmd.Process.Pid)
			if err != nil {
				return nil, err
			}
			out.Rows[i].peak = float64(u.Peak) / 1e6
		}
	}
	out.summarise()
	return out, nil
}

// readings are what is read before and after a round.
type readings struct {
	counters counters
	gateway  time.Duration
	standIns time.Duration
	client   time.Duration
}

func (st *stage) read(c *contender) (readings, error) {
	var r readings
	var err error
	if r.counters, err = st.count(); err != nil || !procAvailable() {
		return r, err
	}
	gateway, err := usageOf(c.cmd.Process.Pid)
	if err != nil {
		return r, err
	}
	standIns, err := usageOf(st.standIns.cmd.Process.Pid)
	if err != nil {
		return r, err
	}
	r.gateway, r.standIns, r.client = gateway.CPU, standIns.CPU, ownCPU()
	return r, nil
}

// round measures one contender for the duration of a round.
func (st *stage) round(ctx context.Context, c *contender) (sample, error) {
	before, err := st.read(c)
	if err != nil {
		return sample{}, err
	}
	t := c.load.run(ctx, st.settings.duration)
	after, err := st.read(c)
	if err != nil {
		return sample{}, err
	}
	if err := ctx.Err(); err != nil {
		return sample{}, err
	}
	if err := c.ended(); err != nil {
		return sample{}, err
	}
	n := float64(len(t.Took))
	s := sample{
		Requests:  len(t.Took),
		Failures:  t.Failures,
		Executed:  after.counters.Executed - before.counters.Executed,
		PerSecond: figure(n / t.Elapsed.Seconds()),
		P50:       percentile(t.Took, 0.50),
		P99:       percentile(t.Took, 0.99),
		Calls:     figure(float64(after.counters.Calls-before.counters.Calls) / n),
	}
	if t.First != nil {
		s.Failure = t.First.Error()
	}
	unknown := figure(math.NaN())
	s.CPU, s.StandInsCPU, s.ClientCPU, s.Busy = unknown, unknown, unknown, unknown
	if procAvailable() {
		gateway, standIns, client := after.gateway-before.gateway, after.standIns-before.standIns, after.client-before.client
		s.CPU, s.StandInsCPU, s.ClientCPU = milliseconds(gateway)/figure(n), milliseconds(standIns)/figure(n), milliseconds(client)/figure(n)
		s.Busy = figure((gateway + standIns + client).Seconds() / t.Elapsed.Seconds())
	}
	return s, nil
}
