package lights

import "testing"

func TestDim(t *testing.T) {
	t.Run("slowly", func(t *testing.T) {})
	t.Run("at once", func(t *testing.T) { t.Errorf("dimmed to %d, want %d", 7, 0) })
}

func TestColour(t *testing.T) { t.Skip("no colours yet") }

func TestOn(t *testing.T) { t.Log("on") }
