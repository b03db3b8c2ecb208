module github.com/concrete-security/auth-service

go 1.25.0
