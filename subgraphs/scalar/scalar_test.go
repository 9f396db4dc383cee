package scalar_test

import (
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/scalar"
)

func TestDuration(t *testing.T) {
	for span, want := range map[time.Duration]string{
		3869 * time.Millisecond: "PT3.869S", 10 * time.Second: "PT10S",
		0: "PT0S", 3200 * time.Millisecond: "PT3.2S", time.Minute: "PT1M", 63*time.Second + 5*time.Millisecond: "PT1M3.005S", 49 * time.Hour: "PT49H",
		time.Hour + time.Second: "PT1H1S", -90 * time.Second: "-PT1M30S", time.Microsecond: "PT0S", 59*time.Second + 999*time.Millisecond + 600*time.Microsecond: "PT1M",
	} {
		var out strings.Builder
		scalar.Duration(span).MarshalGQL(&out)
		if out.String() != `"`+want+`"` {
			t.Errorf("%v is %s, want %q", span, out.String(), want)
		}
		var back scalar.Duration
		if err := back.UnmarshalGQL(want); err != nil || time.Duration(back).Round(time.Millisecond) != span.Round(time.Millisecond) {
			t.Errorf("%s is %v, %v", want, time.Duration(back), err)
		}
	}
	for _, v := range []any{"", "1s", 5, nil} {
		var d scalar.Duration
		if err := d.UnmarshalGQL(v); err == nil {
			t.Errorf("%v is taken for %v", v, time.Duration(d))
		}
	}
}
