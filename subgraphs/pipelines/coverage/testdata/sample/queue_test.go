package queue

import "testing"

func TestOrder(t *testing.T) {
	var q Queue
	q.Add("one", false)
	q.Add("two", false)
	for _, want := range []string{"one", "two"} {
		if got, err := q.Next(); got != want || err != nil {
			t.Errorf("Next() = %q, %v, want %q", got, err, want)
		}
	}
}
