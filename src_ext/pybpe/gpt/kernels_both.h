/* One level of kernels.h for both types, then a clean slate of macros for the next level. */
#define REAL float
#define NAME(x) LEVEL(x##_f32)
#define EXP(x) exp_f32(x)
#define LOG(x) logf(x)
#define SQRT(x) sqrtf(x)
#include "kernels_isa.h"
#undef REAL
#undef NAME
#undef EXP
#undef LOG
#undef SQRT

#define REAL double
#define NAME(x) LEVEL(x##_f64)
#define EXP(x) exp(x)
#define LOG(x) log(x)
#define SQRT(x) sqrt(x)
#include "kernels_isa.h"
#undef REAL
#undef NAME
#undef EXP
#undef LOG
#undef SQRT

#undef TARGET
#undef MR
#undef NV
#undef LEVEL
#undef VECTOR_BYTES
