// What several threads share: the ring under its lock, a project's memory for
// events, a processor.
#include <benchmark/benchmark.h>

#include "blocks/sample.h"
#include "shared.h"

namespace
{

// Made by the first thread before the others begin, freed when all are done.
shared_ring *ring;
optly_project *project;
optly_processor *processor;

void SetUpRing(const benchmark::State &)
{
    ring = shared_ring_create(2000);
}

void TearDownRing(const benchmark::State &)
{
    shared_ring_destroy(ring);
}

void PutIntoRing(benchmark::State &state)
{
    for (auto _ : state)
        shared_ring_put(ring);
}

void SetUpProject(const benchmark::State &)
{
    project = sample_project();
}

void TearDownProject(const benchmark::State &)
{
    optly_project_destroy(project);
}

void CreateEvent(benchmark::State &state)
{
    size_t number = 0;

    for (auto _ : state)
        optly_user_event_destroy(sample_event(project, number++));
}

void SetUpProcessor(const benchmark::State &)
{
    optly_processor_config config = optly_processor_config_default();

    project = sample_project();
    config.batch_size = 100;
    config.queue_size = 20000;
    config.queue_bytes = 64 << 20;
    config.overflow = OPTLY_OVERFLOW_BLOCK;
    config.overflow_block_ms = 60000;
    config.dispatcher = sample_dispatcher();
    sample_check(optly_processor_create(&processor, &config, nullptr) ==
                     OPTLY_OK,
                 "optly_processor_create");
    sample_check(optly_processor_start(processor) == OPTLY_OK,
                 "optly_processor_start");
}

void TearDownProcessor(const benchmark::State &)
{
    optly_close_report report = optly_close_report_default();

    sample_check(optly_processor_close(processor, 60000, &report) == OPTLY_OK,
                 "every event was delivered");
    optly_processor_destroy(processor);
    optly_project_destroy(project);
}

void CreateAndProcess(benchmark::State &state)
{
    size_t number = 0;

    for (auto _ : state)
        sample_check(
            optly_process_event(processor, sample_event(project, number++)) ==
                OPTLY_OK,
            "optly_process_event");
}

BENCHMARK(PutIntoRing)
    ->Name("ring_shared")
    ->Setup(SetUpRing)
    ->Teardown(TearDownRing)
    ->Threads(1)
    ->Threads(2)
    ->Threads(8)
    ->UseRealTime();
BENCHMARK(CreateEvent)
    ->Name("create_shared")
    ->Setup(SetUpProject)
    ->Teardown(TearDownProject)
    ->Threads(1)
    ->Threads(2)
    ->Threads(8)
    ->UseRealTime();
BENCHMARK(CreateAndProcess)
    ->Name("process_shared")
    ->Setup(SetUpProcessor)
    ->Teardown(TearDownProcessor)
    ->Threads(1)
    ->Threads(2)
    ->Threads(8)
    ->UseRealTime();

} // namespace
