module optly-event/tests/conformance/go

go 1.21.0

require (
	github.com/json-iterator/go v1.1.12
	github.com/optimizely/go-sdk/v2 v2.0.0
)

require (
	github.com/google/uuid v1.3.0 // indirect
	github.com/modern-go/concurrent v0.0.0-20180306012644-bacd9c7ef1dd // indirect
	github.com/modern-go/reflect2 v1.0.2 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/twmb/murmur3 v1.1.6 // indirect
	golang.org/x/sync v0.1.0 // indirect
)
