// The official Go SDK, measured as ../../*.c measure the library: the same
// events, the same names in the output. Each command's method stands on top of
// the C program of its name; what differs is said here.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/optimizely/go-sdk/v2/pkg/event"
	"github.com/optimizely/go-sdk/v2/pkg/logging"
)

// The client's defaults.
const (
	defaultBatch    = event.DefaultBatchSize
	defaultQueue    = event.DefaultEventQueueSize
	defaultInterval = event.DefaultEventFlushInterval
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func show(name string, value float64) {
	fmt.Printf("%s %.10g\n", name, value)
}

// User and system time of the process, garbage collector included, in seconds.
func cpu() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) * 1e-9
}

func since(start time.Time) float64 {
	return time.Since(start).Seconds()
}

// caller: CPU of the calling goroutine, which is tied to a thread.
func caller(p *project, count int) {
	runtime.LockOSThread()
	create := func(name string, make func(int) event.UserEvent) {
		start := threadCPU()
		for i := 0; i < count; i++ {
			kept = make(i)
		}
		show(name, (threadCPU()-start)*1e9/float64(count))
	}
	create("create_impression_ns", p.impression)
	create("create_conversion_ns", p.conversion)
	create("create_mixed_ns", p.event)
	bursts(p)
}

// What was made last, so that the compiler cannot leave the making out.
var kept event.UserEvent

func bursts(p *project) {
	const burst, warmUp, wanted = 1000, 10, 100
	r := newProcessor("null", "", defaultBatch, defaultQueue, defaultInterval)
	sum, good := 0.0, 0
	for tries := 0; good < wanted && tries < 100*wanted; tries++ {
		taken := true
		start := threadCPU()
		for i := 0; i < burst; i++ {
			taken = r.ProcessEvent(p.event(i)) && taken
		}
		if spent := threadCPU() - start; taken && tries >= warmUp {
			sum += spent
			good++
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.close()
	show("bursts_ns", sum*1e9/float64(good*burst))
}

// pipeline: a refused event is offered again after 100 us, unless -o. The
// flush interval is 1 s then, as a processor whose queue filled up while a
// flush ended sends nothing until the interval is over.
func pipeline(p *project, arguments []string) {
	flags := flag.NewFlagSet("pipeline", flag.ExitOnError)
	count := flags.Int("n", 200000, "events")
	producers := flags.Int("p", 1, "producers")
	batch := flags.Int("b", defaultBatch, "events a batch")
	queue := flags.Int("q", defaultQueue, "events queued")
	url := flags.String("u", "", "the sink")
	mode := flags.String("m", "null", "null, sync or default")
	once := flags.Bool("o", false, "offer each event once")
	check(flags.Parse(arguments))

	interval := defaultInterval
	if !*once {
		interval = time.Second
	}
	r := newProcessor(*mode, *url, *batch, *queue, interval)
	each := *count / *producers
	var refused atomic.Int64
	var group sync.WaitGroup
	start, spent := time.Now(), cpu()
	for n := 0; n < *producers; n++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := 0; i < each; i++ {
				made := p.event(i)
				for !r.ProcessEvent(made) {
					if *once {
						refused.Add(1)
						break
					}
					time.Sleep(100 * time.Microsecond)
				}
			}
		}()
	}
	group.Wait()
	calls := since(start)
	r.close()
	wall, spent := since(start), cpu()-spent
	offered, delivered := float64(each**producers), float64(r.count.delivered.Load())
	show("offered", offered)
	show("accepted", offered-float64(refused.Load()))
	show("delivered", delivered)
	show("wall_s", wall)
	show("cpu_ns", spent*1e9/delivered)
	show("calls_per_s", offered/calls)
}

// depth: memory is the heap after a collection; an event holds no JSON yet.
func depth(p *project, count int) {
	heap := func() float64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return float64(stats.HeapAlloc)
	}
	const block, tenths = 100, 10
	runtime.LockOSThread()
	before, resident := heap(), residentBytes()
	r := newProcessor("null", "", count+1, count+1, time.Hour)
	made := make([]event.UserEvent, block)
	for tenth := 1; tenth <= tenths; tenth++ {
		sum := 0.0
		for done := 0; done < count/tenths; done += block {
			for i := range made {
				made[i] = p.event(i)
			}
			start := threadCPU()
			for i := range made {
				if !r.ProcessEvent(made[i]) {
					panic("an event was refused")
				}
			}
			sum += threadCPU() - start
		}
		show(fmt.Sprintf("process_ns_%d", tenth),
			sum*1e9/float64(count/tenths))
	}
	show("resident_bytes", (residentBytes()-resident)/float64(count))
	show("memory_bytes", (heap()-before)/float64(count))
	r.close()
	show("json_bytes", float64(r.count.bytes.Load())/float64(count))
}

func allocations(p *project, count int) {
	r := newProcessor("null", "", defaultBatch, defaultQueue, time.Second)
	send := func(count int) {
		for i := 0; i < count; i++ {
			made := p.event(i)
			for !r.ProcessEvent(made) {
				time.Sleep(100 * time.Microsecond)
			}
		}
	}
	var before, after runtime.MemStats
	send(count / 10)
	runtime.ReadMemStats(&before)
	send(count)
	r.close()
	runtime.ReadMemStats(&after)
	show("allocations", float64(after.Mallocs-before.Mallocs)/float64(count))
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr,
			"DATAFILE caller|pipeline|depth|paced|idle|allocations ARGUMENTS")
		os.Exit(2)
	}
	logging.SetLogLevel(logging.LogLevelError)
	p := loadProject(os.Args[1])
	arguments := os.Args[3:]
	switch os.Args[2] {
	case "caller":
		caller(p, number(arguments[0]))
	case "pipeline":
		pipeline(p, arguments)
	case "depth":
		depth(p, number(arguments[0]))
	case "paced":
		paced(p, number(arguments[0]), number(arguments[1]))
	case "idle":
		idle(p, arguments[0], number(arguments[1]))
	case "allocations":
		allocations(p, number(arguments[0]))
	}
}
