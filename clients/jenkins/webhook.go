package jenkins

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrUnverified says that a notification does not come from who knows a secret. Nothing of it is to be believed.
var ErrUnverified = errors.New("notification not verified")

// Verify checks that a notification was sent by who knows one of the secrets, before anything of its body is read. Jenkins signs nothing by
// itself. So a secret is either sent along as it is or, by a Pipeline that can do more, used to sign:
//
//   - as the password of the address that is configured in Jenkins (https://jenkins:SECRET@HOST/webhooks/jenkins), which the Notification plugin
//     sends as "Authorization: Basic"; the user is not looked at. That address belongs into a credential of Jenkins ("secret" for the kind of URL);
//   - as "Authorization: Bearer SECRET";
//   - as the key of an HMAC-SHA256 over the body, in X-Hub-Signature-256, as GitHub has it.
//
// Nothing tells when a notification was sent, so one that was overheard can be sent again; it should make nothing happen but that what it is about
// is asked for anew. Empty secrets match nothing. The time it takes does not depend on how much of a secret was guessed. It wraps
// ErrUnverified, with what is wrong and no secret.
func Verify(secrets []string, header http.Header, body []byte) error {
	sent := credential(header.Get("Authorization"))
	signature := header.Get("X-Hub-Signature-256")
	known, matched := false, false
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		known = true
		if sent != "" {
			// Digests are of one length, so that not even the secret's length is told.
			a, b := sha256.Sum256([]byte(sent)), sha256.Sum256([]byte(secret))
			matched = hmac.Equal(a[:], b[:]) || matched
		}
		if text, ok := strings.CutPrefix(signature, "sha256="); ok {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write(body)
			got, err := hex.DecodeString(text)
			matched = err == nil && hmac.Equal(got, mac.Sum(nil)) || matched
		}
	}
	switch {
	case matched:
		return nil
	case !known:
		return fmt.Errorf("%w: no secret is configured", ErrUnverified)
	case sent == "" && signature == "":
		return fmt.Errorf("%w: it has neither a password nor a signature; configure the address in Jenkins with the secret that is configured here", ErrUnverified)
	}
	return fmt.Errorf("%w: its password or signature is none of a secret that is configured here", ErrUnverified)
}

// credential returns the password or token of an Authorization header.
func credential(header string) string {
	const most = 4096
	if len(header) > most {
		return ""
	}
	scheme, text, _ := strings.Cut(header, " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		return text
	case "basic":
		pair, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return ""
		}
		_, password, _ := strings.Cut(string(pair), ":")
		return password
	}
	return ""
}
