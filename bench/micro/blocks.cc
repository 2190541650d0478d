// Every block of bench/blocks, on one thread.
#include <benchmark/benchmark.h>

#include "blocks/blocks.h"

namespace
{

void RunBlock(benchmark::State &state, const block *it)
{
    void *self = it->create(it->size);

    while (state.KeepRunningBatch(BLOCK_ROUND)) {
        if (it->prepare != nullptr) {
            state.PauseTiming();
            it->prepare(self, BLOCK_ROUND);
            state.ResumeTiming();
        }
        it->run(self, BLOCK_ROUND);
    }
    it->destroy(self);
}

} // namespace

int main(int argc, char **argv)
{
    for (const block *const *at = all_blocks; *at != nullptr; at++)
        benchmark::RegisterBenchmark((*at)->name, RunBlock, *at);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
