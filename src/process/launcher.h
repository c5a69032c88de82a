/*
 * launcher.h
 *		The process that starts the resident workers.
 */
#ifndef FPGO_LAUNCHER_H
#define FPGO_LAUNCHER_H

/* Register the launcher; must be called while the library is preloaded. */
extern void fpgo_launcher_register(void);

#endif							/* FPGO_LAUNCHER_H */
