package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callboard.dev/callboard/clients/webhooks"
)

// signed is a sender whose signature is a word in a header.
func signed(source, word string) webhooks.Sender {
	return webhooks.Sender{Source: source, Verify: func(header http.Header, body []byte) error {
		if header.Get("X-Signature") != fmt.Sprint(word, len(body)) {
			return errors.New("no")
		}
		return nil
	}}
}

type sent struct {
	method, media, signature, delivery, body string
}

func (s sent) to(r *webhooks.Receiver) (status int, text string) {
	method := s.method
	if method == "" {
		method = "POST"
	}
	request := httptest.NewRequest(method, "/webhooks/forge", strings.NewReader(s.body))
	request.Header.Set("Content-Type", orText(s.media, "application/json; charset=utf-8"))
	request.Header.Set("X-Signature", s.signature)
	request.Header.Set("X-Delivery", s.delivery)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, request)
	return w.Code, w.Body.String()
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func TestReceiver(t *testing.T) {
	form := "payload=" + url.QueryEscape(`{"a":"b"}`)
	for _, test := range []struct {
		name   string
		sent   sent
		status int
		want   string // source, delivery and body of the event; "" for none
	}{
		{"signed", sent{body: `{}`, signature: "one2", delivery: "d"}, 202, `first d {}`},
		{"signed by another source", sent{body: `{}`, signature: "two2"}, 202, `second  {}`},
		{"a form", sent{media: "application/x-www-form-urlencoded", body: form, signature: fmt.Sprint("one", len(form))}, 202, `first  {"a":"b"}`},
		{"a form without it", sent{media: "application/x-www-form-urlencoded", body: "x=y", signature: "one3"}, 400, ""},
		{"not signed", sent{body: `{}`}, 401, ""},
		{"signed for another body", sent{body: `{} `, signature: "one2"}, 401, ""},
		{"another kind of body", sent{media: "text/xml", body: `{}`, signature: "one2"}, 400, ""},
		{"too large", sent{body: strings.Repeat(" ", 101), signature: "one101"}, 413, ""},
		{"another method", sent{method: "GET"}, 405, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := ""
				r := &webhooks.Receiver{MaxBody: 100, Senders: []webhooks.Sender{signed("first", "one"), signed("second", "two")},
					Delivery: func(h http.Header) string { return h.Get("X-Delivery") },
					Handle: func(_ context.Context, e webhooks.Event) error {
						got = fmt.Sprintf("%s %s %s", e.Source, e.Delivery, e.Body)
						return nil
					}}
				defer r.Close()
				status, text := test.sent.to(r)
				synctest.Wait()
				if status != test.status || got != test.want {
					t.Errorf("status %d (%s) and event %q, want %d and %q", status, text, got, test.status, test.want)
				}
			})
		})
	}
	if status, text := (sent{body: "{}"}).to(&webhooks.Receiver{}); status != 404 || !strings.Contains(text, "webhookSecrets") {
		t.Errorf("without secrets: %d %s", status, text)
	}
}

// A sender gets its answer before anything is done about the event, a repetition does nothing, and what cannot be taken is turned away and may come again.
func TestAnsweredFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled, let := 0, make(chan struct{})
		r := &webhooks.Receiver{Queue: 1, Seen: &webhooks.Memory{}, Senders: []webhooks.Sender{signed("forge", "one")},
			Delivery: func(h http.Header) string { return h.Get("X-Delivery") },
			Handle: func(context.Context, webhooks.Event) error {
				<-let
				handled++
				if handled == 1 {
					panic("the first one")
				}
				return errors.New("no")
			}}
		defer r.Close()
		send := func(delivery string, want int) {
			t.Helper()
			status, text := sent{body: "{}", signature: "one2", delivery: delivery}.to(r)
			synctest.Wait()
			if status != want {
				t.Errorf("%s is answered with %d %s, want %d", delivery, status, text, want)
			}
		}
		send("a", 202) // is being handled
		send("b", 202) // waits
		send("a", 200)
		send("c", 503)
		close(let)
		synctest.Wait()
		if handled != 2 {
			t.Errorf("%d were handled, want 2", handled)
		}
		send("c", 202)
		time.Sleep(25 * time.Hour)
		send("a", 202)
		if handled != 4 {
			t.Errorf("%d were handled, want 4", handled)
		}
	})
}

type broken struct{}

func (broken) First(ctx context.Context, _ string) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}
func (broken) Forget(context.Context, string) error { return errors.New("no") }

// A store of deliveries that does not answer costs a moment, and nothing is lost.
func TestBrokenSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := 0
		r := &webhooks.Receiver{Seen: broken{}, Senders: []webhooks.Sender{signed("forge", "one")}, Delivery: func(http.Header) string { return "d" },
			Handle: func(context.Context, webhooks.Event) error { handled++; return nil }}
		defer r.Close()
		status, _ := sent{body: "{}", signature: "one2"}.to(r)
		synctest.Wait()
		if status != 202 || handled != 1 {
			t.Errorf("status %d, handled %d times", status, handled)
		}
	})
}

// What this process remembers is bounded.
func TestMemoryIsBounded(t *testing.T) {
	m := &webhooks.Memory{}
	for i := range 20_000 {
		if first, _ := m.First(t.Context(), fmt.Sprint(i)); !first {
			t.Fatal(i)
		}
	}
	if first, _ := m.First(t.Context(), "19999"); first {
		t.Error("the newest is forgotten")
	}
	if first, _ := m.First(t.Context(), "0"); !first {
		t.Error("the oldest is still known")
	}
}
