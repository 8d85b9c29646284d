/* Plane sweep: the photometric error of every pixel at a number of fronto-parallel planes, and the best of them.

   The same arithmetic as hints/sweep.py in float32. One task is one plane, or one row of the result; tasks write to places
   of their own, so the result does not depend on the number of threads. All arrays are contiguous. */

#include <math.h>
#include <string.h>

#include "queue.h"

#define CHANNELS 3
#define ROWS (CHANNELS + 1) /* of a warped row: its colours, and whether the source sees the pixel */
#define C1 0.0001f
#define C2 0.0009f
#define NEAREST 0.001f
#define SIMILARITY 0.85f
#define UNSEEN 1.0f /* error where no source sees a pixel: the highest there is */

typedef float Four __attribute__((vector_size(16), aligned(4)));
typedef float Eight __attribute__((vector_size(32), aligned(4)));

typedef struct {
    long planes, sources, height, width, threads;
    long window, apart;      /* of the mean over costs; planes that are no rivals of the best one */
    float ambiguity, highest_cost;
    const float *target;     /* 3 h w */
    const float *textures;   /* n h w 4: red, green, blue, nothing */
    const float *poses;      /* n 4 4, source from target */
    const float *camera;     /* focal x, y, centre x, y */
    const unsigned char *before; /* n */
    const float *inverse_depths; /* planes, even steps */
    float *statistics;       /* 6 h w: the target's sums over 3x3 windows, then 81 times the variances there */
    float *cost;             /* (planes + 1) h w; the last without warping */
    float *inverse_depth;    /* h w; 0 where it is not kept */
    float *best;             /* h w */
} Job;

/* Where a source sees the pixels of a row at one plane: (fx x, fy y, z) = start + column * step, over the depth. */
typedef struct {
    float start[3], step[3], nearest;
} Line;

static Line line_of(const Job *job, long source, long row, float inverse_depth) {
    const float w = (float)job->width, h = (float)job->height, *c = job->camera, *pose = job->poses + 16 * source;
    const float x0 = (0.5f / w - c[2]) / c[0], dx = 1 / (w * c[0]), y = (((float)row + 0.5f) / h - c[3]) / c[1];
    const float focal[3] = {c[0] * w, c[1] * h, 1};
    Line line = {.nearest = NEAREST * inverse_depth};
    for (int i = 0; i < 3; i++) {
        const float *p = pose + 4 * i;
        line.start[i] = focal[i] * (p[0] * x0 + p[1] * y + p[2] + p[3] * inverse_depth);
        line.step[i] = focal[i] * p[0] * dx;
    }
    return line;
}

#define CHUNK 64 /* pixels of a row that are worked on together, so that loops over them are vector instructions */

typedef struct {
    float fx[CHUNK], fy[CHUNK]; /* shares of the next column and row */
    int at[CHUNK];              /* the upper left of the four pixels */
} Places;

static void places(const Job *job, const Line *line, int from, int count, Places *restrict p, float *restrict seen) {
    const int w = (int)job->width, h = (int)job->height;
    const float right = w - 1, bottom = h - 1, nearest = line->nearest;
    const float x0 = line->start[0], y0 = line->start[1], z0 = line->start[2];
    const float dx = line->step[0], dy = line->step[1], dz = line->step[2];
    const float cx = job->camera[2] * w - 0.5f, cy = job->camera[3] * h - 0.5f;
    for (int j = 0; j < count; j++) {
        const float column = (float)(from + j), z = z0 + column * dz, near = z < nearest ? nearest : z, over = 1 / near;
        float x = (x0 + column * dx) * over + cx, y = (y0 + column * dy) * over + cy;
        const int in = (x > -0.5f) & (x < right + 0.5f) & (y > -0.5f) & (y < bottom + 0.5f) & (z > nearest);
        seen[j] = in ? 1.0f : 0.0f;
        x = x > 0 ? x : 0, x = x > right ? right : x; /* no number: 0, within the image */
        y = y > 0 ? y : 0, y = y > bottom ? bottom : y;
        int column0 = (int)x, row0 = (int)y;
        column0 = column0 > w - 2 ? w - 2 : column0, row0 = row0 > h - 2 ? h - 2 : row0;
        p->fx[j] = x - column0, p->fy[j] = y - row0, p->at[j] = 4 * (row0 * w + column0);
    }
}

/* One row of the warped image by bilinear samples, and which pixels the source sees. */
static void warp_row(const Job *job, long source, long row, float inverse_depth, float *out) {
    const long w = job->width;
    const float *image = job->textures + source * 4 * w * job->height;
    const Line line = line_of(job, source, row, inverse_depth);
    Places p;
    float colours[4 * CHUNK];
    for (int from = 0; from < (int)w; from += CHUNK) {
        const int count = (int)w - from < CHUNK ? (int)w - from : CHUNK;
        places(job, &line, from, count, &p, out + CHANNELS * w + from);
        for (int j = 0; j < count; j++) {
            const float *upper = image + p.at[j];
            const Eight above = *(const Eight *)upper, below = *(const Eight *)(upper + 4 * w);
            const Eight both = above + p.fy[j] * (below - above);
            Four two[2];
            memcpy(two, &both, sizeof both);
            *(Four *)(colours + 4 * j) = two[0] + p.fx[j] * (two[1] - two[0]);
        }
        float *restrict red = out + from, *restrict green = red + w, *restrict blue = green + w;
        for (int j = 0; j < count; j++) red[j] = colours[4 * j], green[j] = colours[4 * j + 1], blue[j] = colours[4 * j + 2];
    }
}

/* A row of the source as it is. */
static void plain_row(const Job *job, long source, long row, float *out) {
    const long w = job->width;
    const float *image = job->textures + (source * job->height + row) * 4 * w;
    for (int c = 0; c < CHANNELS; c++)
        for (long j = 0; j < w; j++) out[c * w + j] = image[4 * j + c];
    for (long j = 0; j < w; j++) out[CHANNELS * w + j] = 1;
}

static long reflected(long i, long n) { return i < 0 ? 1 : i >= n ? n - 2 : i; }

/* Sums of x, x * x and x * y over three rows, in three rows with a reflected pixel at both ends. */
static void row_sums(const float *const x[3], const float *const y[3], long w, float *restrict v) {
    const float *xa = x[0], *xb = x[1], *xc = x[2], *ya = y[0], *yb = y[1], *yc = y[2];
    float *v1 = v + 1, *v2 = v1 + w + 2, *v3 = v2 + w + 2;
    for (long j = 0; j < w; j++) {
        v1[j] = xa[j] + xb[j] + xc[j];
        v2[j] = xa[j] * xa[j] + xb[j] * xb[j] + xc[j] * xc[j];
        v3[j] = xa[j] * ya[j] + xb[j] * yb[j] + xc[j] * yc[j];
    }
    for (float *u = v1; u <= v3; u += w + 2) u[-1] = u[1], u[w] = u[w - 2];
}

static inline float across(const float *v, long j) { return v[j - 1] + v[j] + v[j + 1]; }

/* The rows around a row of a plane of the target. */
static void target_rows(const Job *job, int c, long row, const float *rows[3]) {
    const long w = job->width, h = job->height;
    for (long i = 0; i < 3; i++) rows[i] = job->target + (c * h + reflected(row - 1 + i, h)) * w;
}

/* Adds the photometric error of a row to `error`, and 1 to `count`, where the source sees the pixels. `ring` holds the
   three rows around it, row i at i % 3. */
static void add_error(const Job *job, const float *ring, long row, float *scratch, float *restrict error, float *restrict count) {
    const long w = job->width, h = job->height, plane = w * h;
    const float *v1 = scratch + 1, *v2 = v1 + w + 2, *v3 = v2 + w + 2, *seen = ring + (row % 3 * ROWS + CHANNELS) * w;
    for (int c = 0; c < CHANNELS; c++) {
        const float *x[3], *y[3];
        for (long i = 0; i < 3; i++) x[i] = ring + (reflected(row - 1 + i, h) % 3 * ROWS + c) * w;
        target_rows(job, c, row, y);
        row_sums(x, y, w, scratch);
        const float *xb = x[1], *yb = y[1], *sum_y = job->statistics + c * plane + row * w, *spread_y = sum_y + 3 * plane;
#pragma GCC ivdep
        for (long j = 0; j < w; j++) { /* SSIM of sums instead of means: both sides of the fraction are 81^2 times as large */
            const float sum = across(v1, j), both = sum * sum_y[j], own = sum * sum;
            const float n1 = 2 * both + 81 * C1, n2 = 2 * (9 * across(v3, j) - both) + 81 * C2;
            const float d1 = own + sum_y[j] * sum_y[j] + 81 * C1, d2 = 9 * across(v2, j) - own + spread_y[j] + 81 * C2;
            float e = 0.5f - 0.5f * (n1 * n2) / (d1 * d2);
            e = e < 0 ? 0 : e, e = e > 1 ? 1 : e;
            error[j] += seen[j] * (SIMILARITY / CHANNELS * e + (1 - SIMILARITY) / CHANNELS * fabsf(xb[j] - yb[j]));
        }
    }
    for (long j = 0; j < w; j++) count[j] += seen[j];
}

/* Mean error over the earlier sources that see a pixel, and over the later ones; the smaller of the two. `groups` holds
   sum and number of both. */
static void smaller_group(const float *groups, long w, float *restrict out) {
    const float *earlier = groups, *earlier_count = groups + w, *later = groups + 2 * w, *later_count = groups + 3 * w;
    for (long j = 0; j < w; j++) {
        const float a = earlier_count[j] > 0 ? earlier[j] / earlier_count[j] : UNSEEN;
        const float b = later_count[j] > 0 ? later[j] / later_count[j] : UNSEEN;
        out[j] = a < b ? a : b;
    }
}

/* Errors of a plane; of the sources as they are where `warped` is 0. */
static void plane_errors(const Job *job, int warped, float inverse_depth, float *scratch, float *out) {
    const long w = job->width, h = job->height, ring = 3 * ROWS * w;
    float *rings = scratch, *groups = rings + job->sources * ring, *rest = groups + 4 * w;
    for (long row = -1; row < h; row++) { /* of the row after `row` the image is made, of `row` the error */
        for (long k = 0; k < job->sources && row + 1 < h; k++) {
            float *to = rings + k * ring + (row + 1) % 3 * ROWS * w;
            if (warped) warp_row(job, k, row + 1, inverse_depth, to);
            else plain_row(job, k, row + 1, to);
        }
        if (row < 0) continue;
        memset(groups, 0, 4 * w * sizeof(float));
        for (long k = 0; k < job->sources; k++) {
            float *group = groups + (job->before[k] ? 0 : 2 * w);
            add_error(job, rings + k * ring, row, rest, group, group + w);
        }
        smaller_group(groups, w, out + row * w);
    }
}

/* Mean over the pixels of a square window that are in the image. */
static void window_mean(const Job *job, const float *in, float *line, float *out) {
    const long w = job->width, h = job->height, reach = job->window / 2;
    float *padded = line + reach;
    memset(line, 0, (w + 2 * reach) * sizeof(float));
    for (long i = 0; i < h; i++) {
        const long top = i < reach ? 0 : i - reach, bottom = i + reach < h ? i + reach : h - 1;
        memcpy(padded, in + top * w, w * sizeof(float));
        for (long r = top + 1; r <= bottom; r++)
            for (long j = 0; j < w; j++) padded[j] += in[r * w + j];
        float *o = out + i * w;
        memset(o, 0, w * sizeof(float));
        for (long d = -reach; d <= reach; d++)
            for (long j = 0; j < w; j++) o[j] += padded[j + d];
        const float rows = (float)(bottom - top + 1), whole = 1 / (rows * (2 * reach + 1));
        for (long j = 0; j < w; j++) {
            const long left = j < reach ? j : reach, right = w - 1 - j < reach ? w - 1 - j : reach;
            o[j] = left + right == 2 * reach ? o[j] * whole : o[j] / (rows * (left + right + 1));
        }
    }
}

static void plane_task(const void *argument, long plane, void *scratch) {
    const Job *job = argument;
    const long area = job->width * job->height;
    float *raw = scratch, *rest = raw + area;
    const int warped = plane < job->planes;
    plane_errors(job, warped, warped ? job->inverse_depths[plane] : 0, rest, raw);
    window_mean(job, raw, rest, job->cost + plane * area);
}

static void statistics_task(const void *argument, long c, void *scratch) {
    const Job *job = argument;
    const long w = job->width, h = job->height, plane = w * h;
    const float *v1 = (float *)scratch + 1, *v2 = v1 + w + 2;
    for (long i = 0; i < h; i++) {
        const float *y[3];
        float *sum = job->statistics + c * plane + i * w, *spread = sum + 3 * plane;
        target_rows(job, (int)c, i, y);
        row_sums(y, y, w, scratch);
        for (long j = 0; j < w; j++) sum[j] = across(v1, j), spread[j] = 9 * across(v2, j) - sum[j] * sum[j];
    }
}

/* The best plane of each pixel of a row, between planes by a parabola; and whether it can be trusted. */
static void choice_task(const void *argument, long row, void *scratch) {
    const Job *job = argument;
    const long w = job->width, area = w * job->height, planes = job->planes, apart = job->apart;
    const float *cost = job->cost + row * w, *still = cost + planes * area;
    float *best = job->best + row * w, *rival = scratch, *out = job->inverse_depth + row * w;
    int *index = (int *)(rival + w);
    for (long j = 0; j < w; j++) best[j] = rival[j] = INFINITY, index[j] = 0;
    for (long k = 0; k < planes; k++)
        for (long j = 0; j < w; j++) {
            const float c = cost[k * area + j];
            index[j] = c < best[j] ? (int)k : index[j], best[j] = c < best[j] ? c : best[j];
        }
    for (long k = 0; k < planes; k++)
        for (long j = 0; j < w; j++) {
            const float c = cost[k * area + j];
            const int away = (int)k - index[j], is_rival = (away > apart) | (away < -apart);
            rival[j] = is_rival & (c < rival[j]) ? c : rival[j];
        }
    const float first = job->inverse_depths[0], step = (job->inverse_depths[planes - 1] - first) / (planes - 1);
    for (long j = 0; j < w; j++) {
        const int k = index[j], inner = (k > 0) & (k < planes - 1);
        const int clear = best[j] < job->ambiguity * rival[j], explained = best[j] < job->highest_cost && best[j] < still[j];
        out[j] = 0;
        if (!inner || !clear || !explained) continue;
        const float low = cost[(k - 1) * area + j], high = cost[(k + 1) * area + j], bend = low - 2 * best[j] + high;
        const float shift = bend > 0 ? 0.5f * (low - high) / bend : 0;
        out[j] = first + ((float)k + shift) * step;
    }
}

/* Returns 0, or 1 where there is no memory. */
int plane_sweep(const Job *job) {
    const size_t w = job->width, h = job->height, sums = 3 * (w + 2);
    const size_t errors = (3 * ROWS * job->sources + 4) * w + sums, line = w + job->window;
    const size_t floats = h * w + (errors > line ? errors : line);
    return run_all(job, statistics_task, CHANNELS, job->threads, sums * sizeof(float)) ||
           run_all(job, plane_task, job->planes + 1, job->threads, floats * sizeof(float)) ||
           run_all(job, choice_task, job->height, job->threads, 2 * w * sizeof(float));
}
