// What merges are measured against: the arithmetic and the memory of this machine, without anything of Umbel's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The instructions that `umbel_bench_multiply_add` uses here: "AVX-512", "AVX2", "NEON" or "plain C".
const char *umbel_bench_instructions(void);

/// Does `rounds` rounds of independent f32 multiply-adds in registers, as many at a time as the processor can have under way.
///
/// Returns how many multiply-adds that were; one is a multiplication and an addition.
uint64_t umbel_bench_multiply_add(uint64_t rounds);

/// The same of bf16 with f32 sums; 0 where the processor has no instruction for it that is used here.
uint64_t umbel_bench_multiply_add_bf16(uint64_t rounds);

/// Copies with stores that do not pass through the cache (non-temporal).
///
/// Returns false, and copies nothing, where this machine has none that are used here.
bool umbel_bench_stream_copy(void *restrict destination, const void *restrict source, size_t count);

/// Reads `count` bytes and throws them away; the result only keeps the compiler from leaving it out.
uint64_t umbel_bench_read(const void *source, size_t count);
