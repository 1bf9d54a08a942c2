// Vocabularies that are built into the program, because files that need them do not have them.
#pragma once
#include <stddef.h>

// Bytes of the text below.
extern const size_t umbel_clip_merges_length;

// Writes the merges of CLIP's byte pair encoding, in the order in which they are made: two tokens with a space between, one
// pair a line, UTF-8. Returns the bytes written; 0 if `capacity` is less than `umbel_clip_merges_length`.
size_t umbel_clip_merges(char *text, size_t capacity);
