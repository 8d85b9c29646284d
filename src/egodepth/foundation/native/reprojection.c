/* Warp, photometric error, minimum over the sources and auto-mask in one pass over the rows, and its gradient.

   The same arithmetic as comparison.py in float32 (Godard et al. 2019, eq. 1, 2, 4 and 5). Nothing but the choice of each
   pixel is kept for the gradient, which computes the warped images again. One task is one depth map (a scale of a sample);
   tasks write to places of their own, so the result does not depend on the number of threads. All arrays are contiguous. */

#include <math.h>
#include <string.h>

#include "queue.h"

#define CHANNELS 3
#define C1 0.0001f
#define C2 0.0009f
#define NEAREST 0.001f
#define DROPPED 255
#define LANES 16 /* sums run side by side, so that they are vector instructions, always in the same order */

typedef struct {
    long scales, batch, sources, height, width, threads;
    float ssim_weight;
    long automask;
    const float *depth;      /* s b h w */
    const float *poses;      /* n b 4 4, source from target */
    const float *target;     /* b 3 h w */
    const float *const *images; /* n times b 3 h w */
    const float *cameras;    /* (1 + n) b 4: focal x, y, centre x, y; the target's first */
    const unsigned char *present; /* b n */
    float *statistics;       /* b 6 h w: the target's window means, then variances */
    float *unwarped;         /* b h w: the smallest error without warping */
    float *error;            /* s b h w */
    unsigned char *choice;   /* s b h w: the source whose error counts, or DROPPED */
    const float *gradient;   /* s b h w, of the error */
    float *depth_gradient;   /* s b h w */
    double *pose_gradient;   /* s n b 3 4 */
} Job;

typedef struct {
    float rx, rx0, ry, ry0;  /* ray = (rx * column + rx0, ry * row + ry0, 1) */
    float r[9], t[3];
    float fx, fy, cx, cy;    /* of the source, pixels */
} View;

static View view_of(const Job *job, long b, long k) {
    View v;
    const float w = (float)job->width, h = (float)job->height;
    const float *own = job->cameras + 4 * b, *other = job->cameras + 4 * ((1 + k) * job->batch + b);
    const float *pose = job->poses + 16 * (k * job->batch + b);
    v.rx = 1 / (w * own[0]), v.rx0 = (0.5f / w - own[2]) / own[0];
    v.ry = 1 / (h * own[1]), v.ry0 = (0.5f / h - own[3]) / own[1];
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) v.r[3 * i + j] = pose[4 * i + j];
        v.t[i] = pose[4 * i + 3];
    }
    v.fx = other[0] * w, v.fy = other[1] * h;
    v.cx = other[2] * w - 0.5f, v.cy = other[3] * h - 0.5f;
    return v;
}

#define CHUNK 64 /* pixels of a row that are worked on together, so that loops over them are vector instructions */

typedef struct {
    float x[CHUNK], y[CHUNK], z[CHUNK];          /* points in the source's axes */
    float inx[CHUNK], iny[CHUNK];                /* 1 inside of the image, 0 where the border's colour goes on */
    float fx[CHUNK], fy[CHUNK], poison[CHUNK];   /* shares of the next column and row; NAN for what is no number */
    int at[CHUNK];                               /* the upper left of the four pixels */
} Places;

/* Where the pixels of a part of a row lie in the source. */
static void places(const Job *job, const View *v, const float *restrict depth, long row, long from, long count, Places *restrict p) {
    const int w = (int)job->width, h = (int)job->height;
    const float ry = v->ry * row + v->ry0, right = w - 1, bottom = h - 1;
    const float a0 = v->r[1] * ry + v->r[2], a1 = v->r[4] * ry + v->r[5], a2 = v->r[7] * ry + v->r[8];
    const float r0 = v->r[0], r3 = v->r[3], r6 = v->r[6], t0 = v->t[0], t1 = v->t[1], t2 = v->t[2];
    const float step = v->rx, start = v->rx0, vfx = v->fx, vfy = v->fy, vcx = v->cx, vcy = v->cy;
    for (int j = 0; j < (int)count; j++) {
        const float rx = step * (float)(from + j) + start, d = depth[j];
        const float x = d * (r0 * rx + a0) + t0, y = d * (r3 * rx + a1) + t1, z = d * (r6 * rx + a2) + t2;
        const float near = z < NEAREST ? NEAREST : z;
        float px = x / near * vfx + vcx, py = y / near * vfy + vcy;
        p->x[j] = x, p->y[j] = y, p->z[j] = z;
        p->poison[j] = (px - px) * 0 + (py - py) * 0; /* a depth or pose that is no number stays one */
        p->inx[j] = (px > 0) & (px < right) ? 1.0f : 0.0f, p->iny[j] = (py > 0) & (py < bottom) ? 1.0f : 0.0f;
        px = px > 0 ? px : 0, px = px > right ? right : px; /* no number: 0, within the image */
        py = py > 0 ? py : 0, py = py > bottom ? bottom : py;
        int x0 = (int)px, y0 = (int)py;
        x0 = x0 > w - 2 ? w - 2 : x0, y0 = y0 > h - 2 ? h - 2 : y0;
        p->fx[j] = px - x0, p->fy[j] = py - y0, p->at[j] = y0 * w + x0;
    }
}

/* One row of the warped image: bilinear samples, outside the border's colour. */
static void warp_row(const Job *job, const View *v, const float *depth, const float *image, long row, float *out) {
    const long w = job->width, plane = w * job->height;
    Places p;
    for (long from = 0; from < w; from += CHUNK) {
        const int count = (int)(w - from < CHUNK ? w - from : CHUNK);
        places(job, v, depth + from, row, from, count, &p);
        for (int c = 0; c < CHANNELS; c++) {
            const float *restrict upper = image + c * plane, *restrict lower = upper + w;
            float *restrict o = out + c * plane + from;
            for (int j = 0; j < count; j++) {
                const int at = p.at[j];
                const float top = upper[at] + p.fx[j] * (upper[at + 1] - upper[at]);
                const float low = lower[at] + p.fx[j] * (lower[at + 1] - lower[at]);
                o[j] = top + p.fy[j] * (low - top) + p.poison[j];
            }
        }
    }
}

static void warp(const Job *job, long s, long b, long k, float *warped) {
    const long w = job->width, h = job->height, plane = w * h;
    const View v = view_of(job, b, k);
    const float *image = job->images[k] + b * CHANNELS * plane;
    const float *depth = job->depth + (s * job->batch + b) * plane;
    for (long i = 0; i < h; i++) warp_row(job, &v, depth + i * w, image, i, warped + i * w);
}

static long reflected(long i, long n) { return i < 0 ? 1 : i >= n ? n - 2 : i; }

/* Row sums of x, x * x and x * y over the three rows around `row`, then over three columns: nine times the means. */
static void window_sums(const float *x, const float *y, long row, long h, long w, float *v, float *sums[3]) {
    const float *xa = x + reflected(row - 1, h) * w, *xb = x + row * w, *xc = x + reflected(row + 1, h) * w;
    const float *ya = y + reflected(row - 1, h) * w, *yb = y + row * w, *yc = y + reflected(row + 1, h) * w;
    float *v1 = v + 1, *v2 = v + (w + 2) + 1, *v3 = v + 2 * (w + 2) + 1;
#pragma GCC ivdep
    for (long j = 0; j < w; j++) {
        v1[j] = xa[j] + xb[j] + xc[j];
        v2[j] = xa[j] * xa[j] + xb[j] * xb[j] + xc[j] * xc[j];
        v3[j] = xa[j] * ya[j] + xb[j] * yb[j] + xc[j] * yc[j];
    }
    for (int m = 0; m < 3; m++) {
        float *u = v + m * (w + 2) + 1, *out = sums[m];
        u[-1] = u[1], u[w] = u[w - 2];
#pragma GCC ivdep
        for (long j = 0; j < w; j++) out[j] = (u[j - 1] + u[j] + u[j + 1]) * (1.0f / 9);
    }
}

/* SSIM = n1 n2 / (d1 d2), of window means of x, x * x and x * y and the target's mean and variance. In this order an image
   compared with itself gives exactly 1. */
typedef struct {
    float n1, n2, d1, d2;
} Terms;

static inline Terms terms(float mean, float square_mean, float product_mean, float target_mean, float target_variance) {
    const float means = mean * target_mean, square = mean * mean;
    const Terms t = {2 * means + C1, 2 * (product_mean - means) + C2, square + target_mean * target_mean + C1,
                     square_mean - square + target_variance + C2};
    return t;
}

static void target_statistics(const Job *job, long b, float *scratch) {
    const long w = job->width, h = job->height, plane = w * h;
    float *sums[3] = {scratch, scratch + w, scratch + 2 * w}, *v = scratch + 3 * w;
    for (int c = 0; c < CHANNELS; c++) {
        const float *y = job->target + (b * CHANNELS + c) * plane;
        float *mean = job->statistics + (b * 6 + c) * plane, *variance = mean + 3 * plane;
        for (long i = 0; i < h; i++) {
            window_sums(y, y, i, h, w, v, sums);
            for (long j = 0; j < w; j++) {
                mean[i * w + j] = sums[0][j];
                variance[i * w + j] = sums[1][j] - sums[0][j] * sums[0][j];
            }
        }
    }
}

/* Photometric error of a row of an image (3 planes) against the target's. */
static void error_row(const Job *job, long b, const float *x, long row, float *scratch, float *error) {
    const long w = job->width, h = job->height, plane = w * h;
    const float similarity = job->ssim_weight / CHANNELS, difference = (1 - job->ssim_weight) / CHANNELS;
    float *sums[3] = {scratch, scratch + w, scratch + 2 * w}, *v = scratch + 3 * w;
    memset(error, 0, w * sizeof(float));
    for (int c = 0; c < CHANNELS; c++) {
        const float *xc = x + c * plane, *y = job->target + (b * CHANNELS + c) * plane;
        const float *my = job->statistics + (b * 6 + c) * plane + row * w, *vy = my + 3 * plane;
        window_sums(xc, y, row, h, w, v, sums);
#pragma GCC ivdep
        for (long j = 0; j < w; j++) {
            const Terms t = terms(sums[0][j], sums[1][j], sums[2][j], my[j], vy[j]);
            float e = (1 - t.n1 * t.n2 / (t.d1 * t.d2)) * 0.5f;
            e = e < 0 ? 0 : e, e = e > 1 ? 1 : e;
            error[j] += similarity * e + difference * fabsf(xc[row * w + j] - y[row * w + j]);
        }
    }
}

static void unwarped_errors(const Job *job, long b, float *scratch) {
    const long w = job->width, h = job->height, plane = w * h;
    float *out = job->unwarped + b * plane, *row = scratch, *rest = scratch + w;
    for (long i = 0; i < plane; i++) out[i] = INFINITY;
    for (long k = 0; k < job->sources; k++) {
        if (!job->present[b * job->sources + k]) continue;
        const float *image = job->images[k] + b * CHANNELS * plane;
        for (long i = 0; i < h; i++) {
            error_row(job, b, image, i, rest, row);
            for (long j = 0; j < w; j++) out[i * w + j] = row[j] < out[i * w + j] ? row[j] : out[i * w + j];
        }
    }
}

static void prepare_task(const void *argument, long b, void *scratch) {
    const Job *job = argument;
    target_statistics(job, b, scratch);
    if (job->automask) unwarped_errors(job, b, scratch);
}

static void forward_task(const void *argument, long task, void *scratch) {
    const Job *job = argument;
    const long s = task / job->batch, b = task % job->batch;
    const long w = job->width, h = job->height, plane = w * h;
    float *warped = scratch, *row = warped + CHANNELS * plane, *rest = row + w;
    float *error = job->error + task * plane;
    unsigned char *choice = job->choice + task * plane;
    for (long i = 0; i < plane; i++) error[i] = INFINITY, choice[i] = DROPPED;
    for (long k = 0; k < job->sources; k++) {
        if (!job->present[b * job->sources + k]) continue;
        warp(job, s, b, k, warped);
        for (long i = 0; i < h; i++) {
            float *e = error + i * w;
            unsigned char *ch = choice + i * w;
            error_row(job, b, warped, i, rest, row);
            for (long j = 0; j < w; j++) {
                const int better = (row[j] < e[j]) | (row[j] != row[j]); /* what is no number stays, and none replaces it */
                e[j] = better ? row[j] : e[j];
                ch[j] = better ? (unsigned char)k : ch[j];
            }
        }
    }
    if (!job->automask) return;
    const float *still = job->unwarped + b * plane;
    for (long i = 0; i < plane; i++) {
        const int kept = !(error[i] >= still[i]); /* what is no number counts */
        error[i] = kept ? error[i] : still[i];
        choice[i] = kept ? choice[i] : DROPPED;
    }
}

/* Derivatives of the weighted error of one channel by the window's mean of x, of x * x and of x * y, times 1 / 9. */
static void ssim_slopes(const Job *job, long b, int c, const float *x, const float *weight, float *scratch, float *maps[3]) {
    const long w = job->width, h = job->height, plane = w * h;
    const float *y = job->target + (b * CHANNELS + c) * plane;
    const float share = -job->ssim_weight / (2 * CHANNELS * 9.0f);
    float *sums[3] = {scratch, scratch + w, scratch + 2 * w}, *v = scratch + 3 * w;
    for (long i = 0; i < h; i++) {
        const float *my = job->statistics + (b * 6 + c) * plane + i * w, *vy = my + 3 * plane, *g = weight + i * w;
        float *by_mean = maps[0] + i * w, *by_square = maps[1] + i * w, *by_product = maps[2] + i * w;
        window_sums(x, y, i, h, w, v, sums);
#pragma GCC ivdep
        for (long j = 0; j < w; j++) {
            const Terms t = terms(sums[0][j], sums[1][j], sums[2][j], my[j], vy[j]);
            const float over = 1 / (t.d1 * t.d2), index = t.n1 * t.n2 * over;
            const float slope = (index > -1) & (index < 1) ? share * g[j] : 0;
            const float lost = index * slope, part = lost * t.d1 * over, scaled = slope * over;
            by_square[j] = -part;
            by_mean[j] = 2 * (scaled * my[j] * (t.n2 - t.n1) - lost * sums[0][j] * t.d2 * over + part * sums[0][j]);
            by_product[j] = 2 * scaled * t.n1;
        }
    }
}

/* The adjoint of the reflected 3x3 window sum, in place; `lines` holds two rows. */
static void spread(float *map, long h, long w, float *lines) {
    for (long i = 0; i < h; i++) {
        float *g = map + i * w, first = g[0], last = g[w - 1];
        memcpy(lines + 1, g, w * sizeof(float));
        lines[0] = 0, lines[w + 1] = 0;
        for (long j = 0; j < w; j++) g[j] = lines[j] + lines[j + 1] + lines[j + 2];
        g[1] += first, g[w - 2] += last;
    }
    float *before = lines, *own = lines + w;
    memset(before, 0, w * sizeof(float));
    for (long i = 0; i < h; i++) {
        float *g = map + i * w;
        const float *after = i + 1 < h ? g + w : NULL;
        memcpy(own, g, w * sizeof(float));
        if (i == 1) /* the row before, unchanged, once more: the border's reflection */
            for (long j = 0; j < w; j++) g[j] += before[j];
        for (long j = 0; j < w; j++) g[j] += before[j];
        if (after) for (long j = 0; j < w; j++) g[j] += after[j];
        if (i == h - 2 && after) for (long j = 0; j < w; j++) g[j] += after[j];
        float *swap = before;
        before = own, own = swap;
    }
}

/* From derivatives by the warped colours to those by depth and pose. */
static void chain(const Job *job, long task, long k, const float *colours, double pose[12]) {
    const long b = task % job->batch, w = job->width, h = job->height, plane = w * h;
    const View v = view_of(job, b, k);
    const float *image = job->images[k] + b * CHANNELS * plane;
    Places p;
    float gx[CHUNK], gy[CHUNK], gz[CHUNK], sums[12][LANES];
    for (long i = 0; i < h; i++) {
        const float ry = v.ry * i + v.ry0;
        memset(sums, 0, sizeof sums);
        for (long from = 0; from < w; from += CHUNK) {
            const int count = (int)(w - from < CHUNK ? w - from : CHUNK);
            const float *depth = job->depth + task * plane + i * w + from;
            float *restrict out = job->depth_gradient + task * plane + i * w + from;
            places(job, &v, depth, i, from, count, &p);
            memset(gx, 0, sizeof gx), memset(gy, 0, sizeof gy), memset(gz, 0, sizeof gz);
            for (int c = 0; c < CHANNELS; c++) {
                const float *restrict upper = image + c * plane, *restrict lower = upper + w;
                const float *restrict g = colours + c * plane + i * w + from;
                for (int j = 0; j < count; j++) {
                    const int at = p.at[j];
                    const float across = upper[at + 1] - upper[at], across_low = lower[at + 1] - lower[at];
                    const float down = lower[at] - upper[at], down_right = lower[at + 1] - upper[at + 1];
                    gx[j] += g[j] * (across + p.fy[j] * (across_low - across));
                    gy[j] += g[j] * (down + p.fx[j] * (down_right - down));
                }
            }
            for (int j = 0; j < count; j++) {
                const float rx = v.rx * (float)(from + j) + v.rx0, near = p.z[j] < NEAREST ? NEAREST : p.z[j];
                const float qx = v.r[0] * rx + v.r[1] * ry + v.r[2], qy = v.r[3] * rx + v.r[4] * ry + v.r[5];
                const float qz = v.r[6] * rx + v.r[7] * ry + v.r[8], over = 1 / near;
                gx[j] *= p.inx[j] * v.fx * over, gy[j] *= p.iny[j] * v.fy * over;
                gz[j] = p.z[j] < NEAREST ? 0 : -(gx[j] * p.x[j] + gy[j] * p.y[j]) * over;
                out[j] += gx[j] * qx + gy[j] * qy + gz[j] * qz;
            }
            const float *by_axis[3] = {gx, gy, gz};
            for (int m = 0; m < 3; m++) {
                float *sx = sums[4 * m], *sy = sums[4 * m + 1], *sz = sums[4 * m + 2], *s1 = sums[4 * m + 3];
                for (int j = 0; j < count; j += LANES) {
                    const int lanes = count - j < LANES ? count - j : LANES;
                    for (int l = 0; l < lanes; l++) {
                        const float g = by_axis[m][j + l], gd = g * depth[j + l];
                        sx[l] += gd * (v.rx * (float)(from + j + l) + v.rx0), sy[l] += gd * ry;
                        sz[l] += gd, s1[l] += g;
                    }
                }
            }
        }
        for (int m = 0; m < 12; m++)
            for (int l = 0; l < LANES; l++) pose[m] += sums[m][l];
    }
}

static void backward_task(const void *argument, long task, void *scratch) {
    const Job *job = argument;
    const long s = task / job->batch, b = task % job->batch;
    const long w = job->width, h = job->height, plane = w * h;
    const float difference = (1 - job->ssim_weight) / CHANNELS;
    float *warped = scratch, *maps[3] = {warped + 3 * plane, warped + 4 * plane, warped + 5 * plane};
    float *weight = warped + 6 * plane, *rest = warped + 7 * plane;
    const float *gradient = job->gradient + task * plane;
    const unsigned char *choice = job->choice + task * plane;
    memset(job->depth_gradient + task * plane, 0, plane * sizeof(float));
    for (long k = 0; k < job->sources; k++) {
        double *pose = job->pose_gradient + 12 * ((s * job->sources + k) * job->batch + b);
        memset(pose, 0, 12 * sizeof(double));
        if (!job->present[b * job->sources + k]) continue;
        for (long i = 0; i < plane; i++) weight[i] = choice[i] == k ? gradient[i] : 0;
        warp(job, s, b, k, warped);
        for (int c = 0; c < CHANNELS; c++) {
            float *x = warped + c * plane;
            const float *y = job->target + (b * CHANNELS + c) * plane;
            ssim_slopes(job, b, c, x, weight, rest, maps);
            for (int m = 0; m < 3; m++) spread(maps[m], h, w, rest);
            for (long i = 0; i < plane; i++) {
                const float away = x[i] - y[i], sign = away > 0 ? 1 : away < 0 ? -1 : 0;
                x[i] = maps[0][i] + 2 * x[i] * maps[1][i] + y[i] * maps[2][i] + difference * sign * weight[i];
            }
        }
        chain(job, task, k, warped, pose);
    }
}

static int run(const Job *job, Task task, long tasks) {
    const size_t floats = 7 * job->height * job->width + 8 * (job->width + 2);
    return run_all(job, task, tasks, job->threads, floats * sizeof(float));
}

/* Both return 0, or 1 where there is no memory. */
int reprojection_forward(const Job *job) {
    return run(job, prepare_task, job->batch) || run(job, forward_task, job->scales * job->batch);
}

int reprojection_backward(const Job *job) { return run(job, backward_task, job->scales * job->batch); }
