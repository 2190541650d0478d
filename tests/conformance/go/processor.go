package main

import (
	"context"
	"errors"
	"math"
	"time"

	jsoniter "github.com/json-iterator/go"
	"github.com/optimizely/go-sdk/v2/pkg/event"
)

type batch struct {
	Endpoint string `json:"endpoint"`
	Body     string `json:"body"`
	// The SDK could not have written it: its encoder refuses NaN.
	Unsendable bool `json:"unsendable"`
}

// Records each request; fails where the script says so.
type recorder struct {
	open    chan struct{} // closed when all events are queued
	answers []string
	batches []batch
}

// Called by one goroutine at a time, the one that flushes.
func (r *recorder) DispatchEvent(e event.LogEvent) (bool, error) {
	<-r.open
	answer := "ok"
	if len(r.answers) > 0 {
		answer, r.answers = r.answers[0], r.answers[1:]
	}
	body, err := wire.Marshal(e.Event)
	if err != nil {
		replaceUnsendable(e.Event.Visitors)
		var second error
		body, second = wire.Marshal(e.Event)
		check(second)
	}
	r.batches = append(r.batches, batch{e.EndPoint, string(body), err != nil})
	if answer == "error" {
		return false, errors.New(answer)
	}
	return answer == "ok", nil
}

// Puts what a reader can tell in the place of NaN and infinities. The copies
// of visitors share the tags with the events that are queued.
func replaceUnsendable(visitors []event.Visitor) {
	for _, visitor := range visitors {
		made := &visitor.Snapshots[0].Events[0]
		for key, value := range made.Tags {
			if number, ok := value.(float64); ok && !isFinite(number) {
				made.Tags[key] = jsoniter.RawMessage("NaN")
			}
		}
		if made.Value != nil && !isFinite(*made.Value) {
			made.Value = nil
		}
	}
}

func isFinite(number float64) bool {
	return !math.IsNaN(number) && !math.IsInf(number, 0)
}

func uuidsOf(e event.LogEvent) []string {
	made := []string{}
	for _, visitor := range e.Event.Visitors {
		made = append(made, visitor.Snapshots[0].Events[0].UUID)
	}
	return made
}

// The processor, with room for all that the case has if it does not say.
func newProcessor(l *line, r *recorder) *event.BatchEventProcessor {
	room, interval := l.Queue, time.Hour
	if room == 0 {
		room = len(l.Steps) + event.DefaultBatchSize + l.Batch
	}
	if len(l.Answers) > 0 {
		interval = time.Millisecond // what failed is retried at a tick
	}
	return event.NewBatchEventProcessor(event.WithSDKKey(*l.Case),
		event.WithBatchSize(l.Batch), event.WithQueueSize(room),
		event.WithFlushInterval(interval), event.WithEventDispatcher(r),
		event.WithEventEndPoint(l.Endpoint))
}

// A full batch starts a flush that sends whatever is queued by then; so that
// batches do not depend on who is faster, the first one waits in the
// dispatcher until all events are queued.
func (d *driver) runCase(l *line) map[string]interface{} {
	r := &recorder{open: make(chan struct{}), answers: l.Answers,
		batches: []batch{}}
	processor := newProcessor(l, r)
	callbacks, made := [][]string{}, []bool{}
	id, err := processor.OnEventDispatch(func(e event.LogEvent) {
		callbacks = append(callbacks, uuidsOf(e))
	})
	check(err)
	for i := range l.Steps {
		user, ok := d.project(l.Steps[i].In).event(&l.Steps[i])
		made = append(made, ok)
		if ok {
			processor.ProcessEvent(user)
		}
	}
	close(r.open)
	run(processor, len(l.Answers) > 0)
	check(processor.RemoveOnEventDispatch(id))
	return map[string]interface{}{"made": made, "batches": r.batches,
		"callbacks": callbacks}
}

// Starts the processor and ends it, which flushes once more; not before the
// queue is empty where that takes retries.
func run(processor *event.BatchEventProcessor, retries bool) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		processor.Start(ctx)
		close(ended)
	}()
	for retries && processor.Q.Size() > 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
}
