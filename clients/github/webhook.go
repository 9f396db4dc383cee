package github

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
)

// ErrSignature says that a webhook was not signed with any of the secrets: it is not from GitHub, or the secret there is another.
var ErrSignature = errors.New("the signature of the webhook is not one of ours")

// ErrPayload says that what a webhook brought cannot be read.
var ErrPayload = errors.New("the payload of the webhook cannot be read")

// MaxPayload is how large a webhook may be, in bytes: GitHub's own bound ("Webhook events and payloads"). Do not read more.
const MaxPayload = 25 << 20

// Delivery returns GitHub's name for a webhook, which one that is sent again has too.
func Delivery(header http.Header) string { return header.Get("X-GitHub-Delivery") }

// Verify tells whether GitHub sent the body: X-Hub-Signature-256 is its HMAC with one of the secrets, of which there are several while one replaces
// another. The time it takes does not tell how much of a signature is right. It wraps ErrSignature where it is not, where no secret is configured
// and where the body is too large.
func Verify(secrets [][]byte, header http.Header, body []byte) error {
	const scheme = "sha256="
	values := header.Values("X-Hub-Signature-256")
	if len(values) != 1 || len(body) > MaxPayload {
		return ErrSignature
	}
	text, found := strings.CutPrefix(values[0], scheme)
	signature, err := hex.DecodeString(text[:min(len(text), 2*sha256.Size+1)])
	if !found || err != nil || len(signature) != sha256.Size {
		return ErrSignature
	}
	right := false
	for _, secret := range secrets {
		if len(secret) == 0 {
			continue // anybody can sign with nothing
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		right = hmac.Equal(mac.Sum(nil), signature) || right
	}
	if !right {
		return ErrSignature
	}
	return nil
}
