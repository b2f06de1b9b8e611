// Fused memory-bound kernels for training on a CPU (called through ctypes): causal softmax, RMSNorm, SwiGLU, rotary position.
// build: gcc -O3 -march=native -ffast-math -shared -fPIC kernels.c -o kernels.so -lm
#include <math.h>
#include <string.h>

// scores: [heads, rows, columns]; row i of a head sees the columns 0 .. first + i
void softmax_forward(float *scores, long heads, int rows, int columns, int first, float scale) {
  for (long r = 0; r < heads * rows; r++) {
    int seen = first + r % rows + 1;
    float *p = scores + r * columns, most = -1e30f, sum = 0;
    for (int j = 0; j < seen; j++) most = p[j] > most ? p[j] : most;
    for (int j = 0; j < seen; j++) { float e = expf((p[j] - most) * scale); p[j] = e; sum += e; }
    sum = 1 / sum;
    for (int j = 0; j < seen; j++) p[j] *= sum;
    memset(p + seen, 0, (columns - seen) * 4);
  }
}

// probabilities -> gradient of the scores, in place of the gradient of the probabilities
void softmax_backward(const float *probabilities, float *gradient, long heads, int rows, int columns, int first, float scale) {
  for (long r = 0; r < heads * rows; r++) {
    int seen = first + r % rows + 1;
    const float *p = probabilities + r * columns;
    float *g = gradient + r * columns, sum = 0;
    for (int j = 0; j < seen; j++) sum += p[j] * g[j];
    for (int j = 0; j < seen; j++) g[j] = p[j] * (g[j] - sum) * scale;
    memset(g + seen, 0, (columns - seen) * 4);
  }
}

void norm_forward(const float *x, const float *w, float *y, float *root, long n, int width) {
  for (long r = 0; r < n; r++) {
    const float *a = x + r * width;
    float *b = y + r * width, z = 0;
    for (int j = 0; j < width; j++) z += a[j] * a[j];
    z = 1 / sqrtf(z / width + 1e-5f);
    root[r] = z;
    for (int j = 0; j < width; j++) b[j] = a[j] * z * w[j];
  }
}

void norm_backward(const float *x, const float *w, const float *root, const float *g, float *dx, float *dw, long n, int width) {
  for (long r = 0; r < n; r++) {
    const float *a = x + r * width, *q = g + r * width;
    float *b = dx + r * width, s = root[r], z = 0;
    for (int j = 0; j < width; j++) { z += q[j] * w[j] * a[j]; dw[j] += q[j] * a[j] * s; }
    z *= s * s * s / width;
    for (int j = 0; j < width; j++) b[j] = q[j] * w[j] * s - a[j] * z;
  }
}

// both: rows of [gate | up], each `half` wide
void glu_forward(const float *both, float *y, long n, int half) {
  for (long r = 0; r < n; r++) {
    const float *g = both + r * 2 * half, *u = g + half;
    float *o = y + r * half;
    for (int j = 0; j < half; j++) o[j] = g[j] / (1 + expf(-g[j])) * u[j];
  }
}

void glu_backward(const float *both, const float *dy, float *d, long n, int half) {
  for (long r = 0; r < n; r++) {
    const float *g = both + r * 2 * half, *u = g + half, *q = dy + r * half;
    float *dg = d + r * 2 * half, *du = dg + half;
    for (int j = 0; j < half; j++) {
      float s = 1 / (1 + expf(-g[j]));
      dg[j] = q[j] * u[j] * s * (1 + g[j] * (1 - s));
      du[j] = q[j] * g[j] * s;
    }
  }
}

// x: [length, 3, heads, size] <-> o: q, k, v, each [heads, length, size]; q and k turned by their place (pairs of neighbours); sign -1 goes back (o -> x)
void rotary(float *x, float *o, const float *cosine, const float *sine, int length, int heads, int size, int sign) {
  long whole = (long)heads * length * size;
  for (int t = 0; t < length; t++) for (int part = 0; part < 3; part++) for (int h = 0; h < heads; h++) {
    float *p = x + (((long)t * 3 + part) * heads + h) * size, *q = o + part * whole + ((long)h * length + t) * size;
    const float *c = cosine + t * size / 2, *s = sine + t * size / 2;
    if (part == 2) { if (sign > 0) memcpy(q, p, size * 4); else memcpy(p, q, size * 4); }
    else if (sign > 0) for (int i = 0; i < size / 2; i++) { float a = p[2 * i], e = p[2 * i + 1]; q[2 * i] = a * c[i] - e * s[i]; q[2 * i + 1] = a * s[i] + e * c[i]; }
    else for (int i = 0; i < size / 2; i++) { float a = q[2 * i], e = q[2 * i + 1]; p[2 * i] = a * c[i] + e * s[i]; p[2 * i + 1] = -a * s[i] + e * c[i]; }
  }
}
