package engine

import (
	"slices"
	"testing"
)

func (l *list[T]) all() (forwards, backwards []T) {
	for e := l.first; e != nil; e = e.next {
		forwards = append(forwards, e.of)
	}
	for e := l.last; e != nil; e = e.previous {
		backwards = append(backwards, e.of)
	}
	slices.Reverse(backwards)
	return forwards, backwards
}

func TestList(t *testing.T) {
	t.Parallel()
	var l list[int]
	elements := make([]element[int], 5)
	expect := func(when string, want ...int) {
		t.Helper()
		forwards, backwards := l.all()
		if !slices.Equal(forwards, want) || !slices.Equal(backwards, want) {
			t.Errorf("%s: %v, and backwards %v; want %v", when, forwards, backwards, want)
		}
		for i := range elements {
			if e := &elements[i]; (e.list == &l) != slices.Contains(want, i) {
				t.Errorf("%s: element %d does not know whether it is in the list", when, i)
			}
		}
	}
	for i := range elements {
		elements[i].of = i
	}
	expect("empty")
	elements[0].remove()
	expect("after removing what is not there")
	l.append(&elements[1])
	l.append(&elements[3])
	expect("appended", 1, 3)
	l.insert(&elements[0], &elements[1])
	l.insert(&elements[2], &elements[3])
	l.insert(&elements[4], nil)
	expect("inserted", 0, 1, 2, 3, 4)
	elements[2].remove()
	expect("without one in the middle", 0, 1, 3, 4)
	elements[0].remove()
	expect("without the first", 1, 3, 4)
	elements[4].remove()
	expect("without the last", 1, 3)
	elements[1].remove()
	elements[3].remove()
	expect("empty again")
	l.append(&elements[2])
	expect("used again", 2)
}
