//go:build !linux

package admin

import "github.com/concrete-security/auth-service/internal/admin/exposition"

// processFamilies knows nothing of the process outside Linux.
func processFamilies() []exposition.Family { return nil }
