package main

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

// CPU of the calling thread, in seconds.
func threadCPU() float64 {
	const clockThreadCPUTime = 3
	var now syscall.Timespec
	_, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME,
		clockThreadCPUTime, uintptr(unsafe.Pointer(&now)), 0)
	if failed != 0 {
		panic(failed)
	}
	return float64(now.Nano()) * 1e-9
}

// Sleeps on the thread itself: the runtime's timers are coarser.
func sleep(duration time.Duration) {
	if duration > 0 {
		left := syscall.NsecToTimespec(duration.Nanoseconds())
		_ = syscall.Nanosleep(&left, nil)
	}
}

// paced: as paced.c; the runtime's own threads count as the driver.
func paced(p *project, rate, seconds int) {
	const mostSleepingRate, prSetTimerSlack = 20000, 29
	runtime.LockOSThread()
	_, _, _ = syscall.Syscall(syscall.SYS_PRCTL, prSetTimerSlack, 1, 0)
	samples := make([]int, rate*seconds)
	empty := make([]int, 10001)
	for i := range empty {
		start := time.Now()
		empty[i] = int(time.Since(start))
	}
	sort.Ints(empty)
	r := newProcessor("null", "", defaultBatch, defaultQueue, defaultInterval)
	refused := 0
	run := func(count int) {
		start := time.Now()
		for i := 0; i < count; i++ {
			due := start.Add(time.Second * time.Duration(i) /
				time.Duration(rate))
			if rate <= mostSleepingRate {
				sleep(time.Until(due))
			}
			for time.Now().Before(due) {
			}
			made := p.event(i)
			before := time.Now()
			taken := r.ProcessEvent(made)
			samples[i] = int(time.Since(before)) - empty[len(empty)/2]
			if !taken {
				refused++
			}
		}
	}
	run(rate / 10)
	start, all, own := time.Now(), cpu(), threadCPU()
	run(len(samples))
	all, own = cpu()-all, threadCPU()-own
	wall := since(start)
	r.close()
	sort.Ints(samples)
	at := func(part float64) float64 {
		return float64(samples[int(float64(len(samples)-1)*part)])
	}
	show("p50_ns", at(0.5))
	show("p99_ns", at(0.99))
	show("p999_ns", at(0.999))
	show("driver_cpu_percent", (all-own)/wall*100)
	show("rate", float64(len(samples))/wall)
	show("refused", float64(refused))
}

// The sum of the values of the lines that start with `key`, such as
// "RssAnon:   123 kB".
func procValue(path, key string) float64 {
	file, err := os.Open(path)
	if err != nil {
		return 0 // a thread that ended
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), key) {
			rest := lines.Text()[len(key):]
			value, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			check(err)
			return value
		}
	}
	return 0
}

func residentBytes() float64 {
	return procValue("/proc/self/status", "VmRSS:") * 1024
}

// Context switches of all threads: here no thread is the main one.
func switches() float64 {
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	check(err)
	sum := 0.0
	for _, task := range tasks {
		sum += procValue(task, "voluntary_ctxt_switches:") +
			procValue(task, "nonvoluntary_ctxt_switches:")
	}
	return sum
}

func idle(p *project, kind string, seconds int) {
	const events = 10000
	var r *running
	if kind == "null" {
		r = newProcessor(kind, "", defaultBatch, defaultQueue, defaultInterval)
	}
	for i := 0; i < events; i++ {
		made := p.event(i)
		for r != nil && !r.ProcessEvent(made) {
			time.Sleep(100 * time.Microsecond)
		}
	}
	time.Sleep(time.Second)
	show("resident_kib", residentBytes()/1024)
	show("anonymous_kib", procValue("/proc/self/status", "RssAnon:"))
	before := switches()
	time.Sleep(time.Duration(seconds) * time.Second)
	show("wakeups", switches()-before)
	if r != nil {
		r.close()
	}
}
