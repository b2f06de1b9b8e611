// Fused memory-bound kernels for training on a CPU (called through ctypes): causal softmax, RMSNorm, SwiGLU, rotary position.
// Activations are bfloat16 (the upper half of a float), sums are float. At most 4096 columns a row.
// build: gcc -O3 -march=native -ffast-math -shared -fPIC kernels.c -o kernels.so -lm
#include <math.h>
#include <string.h>

typedef unsigned short bf16;
static inline float up(bf16 v) { union { unsigned u; float f; } x = {(unsigned)v << 16}; return x.f; }
static inline bf16 down(float v) { union { float f; unsigned u; } x = {v}; return (bf16)((x.u + 0x7fff + ((x.u >> 16) & 1)) >> 16); }

// scores -> probabilities, in place: [heads, rows, columns]; row i of a head sees the columns 0 .. first + i
void softmax_forward(bf16 *scores, long heads, int rows, int columns, int first, float scale) {
  float t[4096];
  for (long r = 0; r < heads * rows; r++) {
    int seen = first + r % rows + 1;
    bf16 *p = scores + r * columns;
    float most = -1e30f, sum = 0;
    for (int j = 0; j < seen; j++) { t[j] = up(p[j]); most = t[j] > most ? t[j] : most; }
    for (int j = 0; j < seen; j++) { t[j] = expf((t[j] - most) * scale); sum += t[j]; }
    sum = 1 / sum;
    for (int j = 0; j < seen; j++) p[j] = down(t[j] * sum);
    memset(p + seen, 0, (columns - seen) * 2);
  }
}

// gradient of the probabilities -> gradient of the scores, in place
void softmax_backward(const bf16 *probabilities, bf16 *gradient, long heads, int rows, int columns, int first, float scale) {
  for (long r = 0; r < heads * rows; r++) {
    int seen = first + r % rows + 1;
    const bf16 *p = probabilities + r * columns;
    bf16 *g = gradient + r * columns;
    float sum = 0;
    for (int j = 0; j < seen; j++) sum += up(p[j]) * up(g[j]);
    for (int j = 0; j < seen; j++) g[j] = down(up(p[j]) * (up(g[j]) - sum) * scale);
    memset(g + seen, 0, (columns - seen) * 2);
  }
}

void norm_forward(const float *x, const float *w, bf16 *y, float *root, long n, int width) {
  for (long r = 0; r < n; r++) {
    const float *a = x + r * width;
    bf16 *b = y + r * width;
    float z = 0;
    for (int j = 0; j < width; j++) z += a[j] * a[j];
    z = 1 / sqrtf(z / width + 1e-5f);
    root[r] = z;
    for (int j = 0; j < width; j++) b[j] = down(a[j] * z * w[j]);
  }
}

void norm_backward(const float *x, const float *w, const float *root, const bf16 *g, float *dx, float *dw, long n, int width) {
  for (long r = 0; r < n; r++) {
    const float *a = x + r * width;
    const bf16 *q = g + r * width;
    float *b = dx + r * width, s = root[r], z = 0;
    for (int j = 0; j < width; j++) { float v = up(q[j]); z += v * w[j] * a[j]; dw[j] += v * a[j] * s; }
    z *= s * s * s / width;
    for (int j = 0; j < width; j++) b[j] = up(q[j]) * w[j] * s - a[j] * z;
  }
}

// both: rows of [gate | up], each `half` wide
void glu_forward(const bf16 *both, bf16 *y, long n, int half) {
  for (long r = 0; r < n; r++) {
    const bf16 *g = both + r * 2 * half, *u = g + half;
    bf16 *o = y + r * half;
    for (int j = 0; j < half; j++) { float v = up(g[j]); o[j] = down(v / (1 + expf(-v)) * up(u[j])); }
  }
}

void glu_backward(const bf16 *both, const bf16 *dy, bf16 *d, long n, int half) {
  for (long r = 0; r < n; r++) {
    const bf16 *g = both + r * 2 * half, *u = g + half, *q = dy + r * half;
    bf16 *dg = d + r * 2 * half, *du = dg + half;
    for (int j = 0; j < half; j++) {
      float v = up(g[j]), s = 1 / (1 + expf(-v)), t = up(q[j]);
      dg[j] = down(t * up(u[j]) * s * (1 + v * (1 - s)));
      du[j] = down(t * v * s);
    }
  }
}

// x: [length, 3, heads, size] <-> o: q, k, v, each [heads, length, size]; q and k turned by their place (pairs of neighbours); sign -1 goes back (o -> x)
void rotary(bf16 *x, bf16 *o, const float *cosine, const float *sine, int length, int heads, int size, int sign) {
  long whole = (long)heads * length * size;
  for (int t = 0; t < length; t++) for (int part = 0; part < 3; part++) for (int h = 0; h < heads; h++) {
    bf16 *p = x + (((long)t * 3 + part) * heads + h) * size, *q = o + part * whole + ((long)h * length + t) * size;
    const float *c = cosine + t * size / 2, *s = sine + t * size / 2;
    if (part == 2) { if (sign > 0) memcpy(q, p, size * 2); else memcpy(p, q, size * 2); continue; }
    bf16 *from = sign > 0 ? p : q, *to = sign > 0 ? q : p;
    for (int i = 0; i < size / 2; i++) {
      float a = up(from[2 * i]), b = up(from[2 * i + 1]), turn = s[i] * sign;
      to[2 * i] = down(a * c[i] - b * turn);
      to[2 * i + 1] = down(a * turn + b * c[i]);
    }
  }
}
