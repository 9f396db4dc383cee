package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat: Linux tells all architectures 100 a second, whatever the kernel's own clock is (proc(5), USER_HZ).
const tick = 10 * time.Millisecond

// procAvailable tells whether this system says what processes use.
func procAvailable() bool {
	_, err := os.Stat("/proc/self/stat")
	return err == nil
}

// processStat is what is needed of /proc/PID/stat.
type processStat struct {
	parent   int
	own      time.Duration // user and system time of the process
	children time.Duration // of its children that ended and were waited for
}

// parseStat reads the text of /proc/PID/stat. The second field is the program's name in parentheses and may hold anything, parentheses too.
func parseStat(text string) (processStat, error) {
	i := strings.LastIndexByte(text, ')')
	if i < 0 {
		return processStat{}, errors.New("reading a process's stat: there is no name in parentheses")
	}
	fields := strings.Fields(text[i+1:]) // the third field first
	const first, parent, user, childSystem = 3, 4, 14, 17
	if len(fields) <= childSystem-first {
		return processStat{}, fmt.Errorf("reading a process's stat: it has %d fields after the name", len(fields))
	}
	var s processStat
	var err error
	if s.parent, err = strconv.Atoi(fields[parent-first]); err != nil {
		return processStat{}, fmt.Errorf("reading a process's stat: the parent: %w", err)
	}
	var ticks [4]int64
	for i := range ticks {
		if ticks[i], err = strconv.ParseInt(fields[user-first+i], 10, 64); err != nil {
			return processStat{}, fmt.Errorf("reading a process's stat: a time: %w", err)
		}
	}
	s.own = time.Duration(ticks[0]+ticks[1]) * tick
	s.children = time.Duration(ticks[2]+ticks[3]) * tick
	return s, nil
}

// parsePeak reads the peak of resident memory, in bytes, from the text of /proc/PID/status. A kernel thread has none: 0.
func parsePeak(text string) (int64, error) {
	for line := range strings.Lines(text) {
		value, found := strings.CutPrefix(line, "VmHWM:")
		if !found {
			continue
		}
		kilobytes, found := strings.CutSuffix(strings.TrimSpace(value), " kB")
		n, err := strconv.ParseInt(strings.TrimSpace(kilobytes), 10, 64)
		if err != nil || !found {
			return 0, fmt.Errorf("reading a process's status: %q is not a size", strings.TrimSpace(line))
		}
		return n << 10, nil
	}
	return 0, nil
}

// usage is what a process and all below it have used.
type usage struct {
	CPU  time.Duration
	Peak int64 // the sum of the peaks of those alive, in bytes
}

// usageOf reads the usage of a process and all that it started, and what they started. Processes may come and go meanwhile; time of those that ended counts
// where their parents waited for them.
func usageOf(pid int) (usage, error) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return usage{}, err
	}
	stats := map[int]processStat{}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(name, "stat"))
		if err != nil {
			continue // it has ended
		}
		id, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if stats[id], err = parseStat(string(text)); err != nil {
			return usage{}, err
		}
	}
	if _, alive := stats[pid]; !alive {
		return usage{}, fmt.Errorf("process %d has ended", pid)
	}
	var u usage
	for id := range stats {
		if !below(stats, id, pid) {
			continue
		}
		u.CPU += stats[id].own + stats[id].children
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id)); err == nil {
			peak, err := parsePeak(string(text))
			if err != nil {
				return usage{}, err
			}
			u.Peak += peak
		}
	}
	return u, nil
}

// below tells whether a process is the root or was started below it.
func below(stats map[int]processStat, id, root int) bool {
	for range len(stats) + 1 { // parents cannot go round in circles, but they are read one after the other
		if id == root {
			return true
		}
		s, known := stats[id]
		if !known {
			return false
		}
		id = s.parent
	}
	return false
}

// ownCPU is the user and system time of this process.
func ownCPU() time.Duration {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	s, err := parseStat(string(text))
	if err != nil {
		return 0
	}
	return s.own
}

// loadAverage is the first three figures of /proc/loadavg, "" where there is none.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return ""
	}
	return strings.Join(fields[:3], " ")
}
