package main

import (
	"context"
	"sync/atomic"
	"time"

	jsoniter "github.com/json-iterator/go"
	"github.com/optimizely/go-sdk/v2/pkg/event"
)

// Counts the events that its inner dispatcher delivered.
type counter struct {
	inner     event.Dispatcher
	delivered atomic.Int64
	bytes     atomic.Int64 // of JSON, without HTTP
}

func (c *counter) DispatchEvent(e event.LogEvent) (bool, error) {
	success, err := c.inner.DispatchEvent(e)
	if success {
		c.delivered.Add(int64(len(e.Event.Visitors)))
	}
	return success, err
}

// Writes the JSON as the SDK's HTTP dispatcher does, and sends it nowhere.
type null struct{ bytes *atomic.Int64 }

func (n null) DispatchEvent(e event.LogEvent) (bool, error) {
	body, err := jsoniter.ConfigCompatibleWithStandardLibrary.Marshal(e.Event)
	n.bytes.Add(int64(len(body)))
	return err == nil, err
}

// A started processor.
type running struct {
	*event.BatchEventProcessor
	count  *counter
	cancel context.CancelFunc
	ended  chan struct{}
}

// mode: "null"; "sync", the HTTP dispatcher under the batch processor; or
// "default", the QueueEventDispatcher around it, as the SDK's client has it.
func newProcessor(mode, url string, batch, queue int,
	interval time.Duration) *running {
	r := &running{count: &counter{}, ended: make(chan struct{})}
	options := []event.BPOptionConfig{event.WithBatchSize(batch),
		event.WithQueueSize(queue), event.WithFlushInterval(interval)}
	if url != "" {
		options = append(options, event.WithEventEndPoint(url))
	}
	switch mode {
	case "null":
		r.count.inner = null{&r.count.bytes}
		options = append(options, event.WithEventDispatcher(r.count))
	case "sync":
		r.count.inner = event.NewHTTPEventDispatcher("", nil, nil)
		options = append(options, event.WithEventDispatcher(r.count))
	case "default":
		queued := event.NewQueueEventDispatcher("", nil)
		r.count.inner = queued.Dispatcher
		queued.Dispatcher = r.count
		options = append(options, event.WithEventDispatcher(queued))
	default:
		panic("mode: null, sync or default")
	}
	r.BatchEventProcessor = event.NewBatchEventProcessor(options...)
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	go func() {
		r.Start(ctx)
		close(r.ended)
	}()
	return r
}

// Flushes and waits, as the SDK does: up to 30 s in mode "default".
func (r *running) close() {
	r.cancel()
	<-r.ended
}
