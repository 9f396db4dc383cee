package live_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/live"
)

// TestManyThatCannotBeLookedAt checks that clients who watch what cannot be looked at do not fill the log.
func TestManyThatCannotBeLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := live.New(live.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		defer h.Close()
		watch := func(from, to int) {
			for n := from; n < to; n++ {
				if _, err := h.Watch(t.Context(), fmt.Sprint(n), "", func(context.Context) ([]byte, bool, error) { return nil, false, errors.New("it is away") }); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		watch(0, 500)
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("%d lines say it of 500", n)
		}
		time.Sleep(11 * time.Second)
		watch(500, 501)
		if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "others=499") {
			t.Errorf("%d lines say it of 501, the last: %.300s", n, log.String()[strings.IndexByte(log.String(), '\n'):])
		}
	})
}
