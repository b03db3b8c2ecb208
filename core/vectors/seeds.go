package vectors

import "slices"

// Authorizations returns every Authorization field value of the tables, each
// once: seeds for fuzzers.
func Authorizations() [][]byte {
	var list [][]byte
	for _, v := range Verdicts() {
		list = append(list, v.Authorization...)
	}
	return distinct(list)
}

// KeyringTexts returns every keyring of the tables, good and bad, each once:
// seeds for fuzzers.
func KeyringTexts() [][]byte {
	var list [][]byte
	for _, k := range Keyrings() {
		list = append(list, k.Text)
	}
	for _, v := range Verdicts() {
		list = append(list, v.Keyring)
	}
	return distinct(list)
}

// RequestTexts returns all raw requests of the tables, each once: seeds for
// fuzzers.
func RequestTexts() [][]byte {
	var list [][]byte
	for _, e := range slices.Concat(Requests(), Recorded()) {
		list = append(list, e.Request)
	}
	return distinct(list)
}

// distinct returns the list in order, without repetitions.
func distinct(list [][]byte) [][]byte {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(b []byte) bool {
		known := seen[string(b)]
		seen[string(b)] = true
		return known
	})
}
