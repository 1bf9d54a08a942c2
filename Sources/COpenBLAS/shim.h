#include <cblas.h>

// LAPACK as OpenBLAS carries it. cblas.h does not declare it; these are its Fortran entry points (column-major, every
// argument by address).
void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s, double *u,
             const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork, int *iwork, int *info);
