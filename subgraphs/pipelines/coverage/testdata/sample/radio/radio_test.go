package radio

import (
	"testing"

	"larkfold.example/queue"
)

func TestPlay(t *testing.T) {
	var q queue.Queue
	q.Add("one", false)
	if got := Play(&q); got != 1 {
		t.Errorf("played %d songs, want 1", got)
	}
}
