package gitlab

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrUnverified says that a webhook does not come from who knows a secret, or comes too late. Nothing of it is to be believed.
var ErrUnverified = errors.New("webhook not verified")

// Tolerance is how far the time of a signed webhook may lie from now: what is older may be somebody's second try with what he has overheard. It
// is the five minutes of the Standard Webhooks specification's libraries.
const Tolerance = 5 * time.Minute

// signingPrefix begins a signing token: the rest is its key of 32 bytes in base64.
const signingPrefix = "whsec_"

// maxSignatures is how many signatures of one webhook are looked at: there are two while a token is replaced.
const maxSignatures = 8

// Delivery returns GitLab's name for a webhook, the same for every attempt to deliver it: Idempotency-Key, or the event's UUID from before GitLab 17.4.
func Delivery(header http.Header) string {
	if key := plain(header.Get("Idempotency-Key")); key != "" {
		return key
	}
	return plain(header.Get("X-Gitlab-Event-UUID"))
}

// Verify checks that a webhook was sent by a GitLab that knows one of the secrets, before anything of its body is read. A secret that begins
// with "whsec_" is a signing token: GitLab signs the id, the time and the body with it, in the way of the Standard Webhooks specification, and a
// webhook whose time is more than Tolerance from now is refused. Any other secret is a secret token, which GitLab sends along as it is: nothing
// then tells when the webhook was sent, and the caller has to know deliveries again by Event.Delivery. Empty secrets match nothing.
//
// The time it takes does not depend on how much of a secret was guessed. It wraps ErrUnverified, with what is wrong and no secret.
func Verify(secrets []string, header http.Header, body []byte, now time.Time) error {
	token, tokens, signing := header.Get("X-Gitlab-Token"), false, false
	matched := false
	for _, secret := range secrets {
		switch {
		case secret == "":
		case strings.HasPrefix(secret, signingPrefix):
			signing = true
			matched = signed(secret, header, body) || matched
		default:
			tokens = true
			// Digests are of one length, so that not even the secret's length is told.
			sent, known := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(secret))
			if hmac.Equal(sent[:], known[:]) {
				return nil
			}
		}
	}
	switch {
	case matched:
		return fresh(header.Get("Webhook-Timestamp"), now)
	case !tokens && !signing:
		return fmt.Errorf("%w: no secret is configured", ErrUnverified)
	case token == "" && header.Get("Webhook-Signature") == "":
		return fmt.Errorf("%w: it has neither a token nor a signature; configure the webhook in GitLab with the secret that is configured here", ErrUnverified)
	}
	return fmt.Errorf("%w: its token or signature is none of a secret that is configured here", ErrUnverified)
}

// signed reports whether one of the webhook's signatures is the signing token's.
func signed(secret string, header http.Header, body []byte) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, signingPrefix))
	id, timestamp := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	if err != nil || len(key) == 0 || id == "" || timestamp == "" {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	want := mac.Sum(nil)
	matched := false
	list := strings.Fields(header.Get("Webhook-Signature"))
	for _, one := range list[:min(len(list), maxSignatures)] {
		version, text, _ := strings.Cut(one, ",")
		signature, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(signature, want) {
			matched = true
		}
	}
	return matched
}

func fresh(timestamp string, now time.Time) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: its time cannot be read", ErrUnverified)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > Tolerance || age < -Tolerance {
		return fmt.Errorf("%w: it was signed more than %v ago, or in the future; check the clocks", ErrUnverified, Tolerance)
	}
	return nil
}
