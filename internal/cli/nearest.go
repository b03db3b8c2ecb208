package cli

import (
	"slices"
	"strings"
)

// Nearest returns the name that somebody probably meant who wrote another, or "" if
// none is near, or several are equally near.
func Nearest(written string, names []string) (near string) {
	const furthest = 3
	least := furthest + 1
	for _, name := range names {
		switch d := distance(written, name); {
		case d < least:
			near, least = name, d
		case d == least && least <= furthest:
			near = ""
		}
	}
	return near
}

// distance says how far apart two names are whose words are joined by underscores:
// as texts, as lists of words, or as sets of words, whichever is nearest.
func distance(written, name string) int {
	words, others := strings.Split(written, "_"), strings.Split(name, "_")
	d := min(textDistance(written, name), listDistance(words, others))
	slices.Sort(words)
	slices.Sort(others)
	return min(d, listDistance(words, others)+1)
}

// far is a distance beyond all that count as near.
const far = 1 << 10

// textDistance is the number of letters that have to be added, removed, replaced or
// swapped with the next, if these are few for the length of the texts.
func textDistance(a, b string) int {
	edits := align(len(a), len(b), func(i, j int) int {
		if a[i] == b[j] {
			return 0
		}
		return 1
	}, func(i, j int) bool { return a[i] == b[j-1] && a[i-1] == b[j] }, 1, 1)
	if edits > max(1, min(len(a), len(b))/3) {
		return far
	}
	return edits
}

// listDistance compares words. A word that is missing is nearer than one too many.
func listDistance(written, name []string) int {
	return align(len(written), len(name), func(i, j int) int {
		a, b := written[i], name[j]
		if (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) && a != b {
			return 2
		}
		return textDistance(a, b)
	}, func(int, int) bool { return false }, 3, 2)
}

// align returns the least cost of turning n things into m others: replace is the cost
// of replacing the thing i by the other j, and swapped says whether the things i-1
// and i are the others j and j-1.
func align(n, m int, replace func(i, j int) int, swapped func(i, j int) bool, remove, add int) int {
	cost := make([][]int, n+1)
	for i := range cost {
		cost[i] = make([]int, m+1)
		for j := range cost[i] {
			switch {
			case i == 0:
				cost[i][j] = j * add
				continue
			case j == 0:
				cost[i][j] = i * remove
				continue
			}
			cost[i][j] = min(cost[i-1][j]+remove, cost[i][j-1]+add, cost[i-1][j-1]+replace(i-1, j-1))
			if i > 1 && j > 1 && swapped(i-1, j-1) {
				cost[i][j] = min(cost[i][j], cost[i-2][j-2]+1)
			}
		}
	}
	return cost[n][m]
}
