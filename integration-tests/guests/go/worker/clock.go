package main

import "time"

// passes says whether the clock of the Go runtime, which is WASI's, tells a time.
func passes() string {
	if time.Now().Unix() > 0 {
		return "yes"
	}
	return "no"
}
